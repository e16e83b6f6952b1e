import assert from "node:assert/strict";
import { test } from "node:test";
import { decidedBy, entityText, infoText, markEntities, shade, milliseconds, slotTables, timeSlices, turnLanguage } from "../src/inspector/model.ts";
import type { Turn } from "../src/inspector/model.ts";

test("marks by character offsets, also behind an emoji and in Chinese", () => {
  const { pieces } = markEntities("🏮 订单10234呢", [{ entity: "order_id", value: "10234", start: 4, end: 9 }]);
  assert.deepEqual(pieces.map((piece) => piece.text), ["🏮 订单", "10234", "呢"]);
  assert.equal(pieces[1]?.entity?.entity, "order_id");
});

test("overlapping, unplaced and out-of-range entities are listed beside the text", () => {
  const outer = { entity: "product", value: "blue jacket", start: 0, end: 11 };
  const inner = { entity: "color", value: "blue", start: 0, end: 4 };
  const nowhere = { entity: "date", value: "today" };
  const beyond = { entity: "size", value: "M", start: 8, end: 99 };
  const { pieces, rest } = markEntities("blue jacket", [inner, outer, nowhere, beyond]);
  assert.deepEqual(pieces, [{ text: "blue jacket", entity: outer }]);
  assert.deepEqual(rest, [nowhere, inner, beyond]);
  const twice = { ...inner, value: "blue jacket", entity: "product" };
  assert.deepEqual(markEntities("blue jacket", [outer, twice]).rest, []);
});

test("the language entity is no mark but the turn's language", () => {
  const entities = [{ entity: "language", value: "zh", start: 0, end: 2 }];
  assert.deepEqual(markEntities("你好", entities), { pieces: [{ text: "你好" }], rest: [] });
  assert.equal(turnLanguage({ text: "你好", parse: { entities } }), "zh");
});

test("how a message sounds is a chip where it is worth telling, and never covers what was marked", () => {
  const mood = { entity: "sentiment", value: "negative", start: 0, end: 11 };
  const calm = { entity: "urgency", value: "normal", start: 0, end: 11 };
  const color = { entity: "color", value: "blue", start: 0, end: 4 };
  const { pieces, rest } = markEntities("blue jacket", [mood, calm, color]);
  assert.equal(pieces[0]?.entity, color);
  assert.deepEqual(rest, [mood]);
});

test("normalised values are shown in few words", () => {
  assert.equal(infoText({ type: "value", value: "2026-03-13T00:00:00.000+01:00", grain: "day" }), "2026-03-13");
  assert.equal(infoText({ type: "value", value: "2026-03-09T00:00:00.000+01:00", grain: "week" }), "2026-03-09 (week)");
  assert.equal(infoText({ type: "interval", to: { type: "value", value: 100, unit: "EUR" } }), "… to 100 EUR");
  assert.equal(entityText({ entity: "size", role: "new", value: "大号", additional_info: { type: "value", value: "L" } }), "size:new = L");
  assert.equal(entityText({ entity: "product", value: "tent" }), "product = tent");
});

test("the strongest weight is coloured most, whatever its sign", () => {
  assert.deepEqual([shade(0.5, 0.5), shade(-0.25, 0.5), shade(0, 0.5)], [70, 35, 0]);
});

test("slots are worked back turn by turn, with what changed first", () => {
  const slot = (name: string, value: unknown) => ({ event: "slot", name, value });
  const turns: Turn[] = [
    { text: "a", events: [slot("color", "red")] },
    { text: "b", events: [slot("color", "blue"), slot("size", "M")] },
    { text: "c", events: [slot("color", "blue")] },
  ];
  const tables = slotTables({ sender_id: "s", slots: { color: "blue", size: "M", email: null }, turns });
  const short = tables.map((rows) => rows.filter((row) => row.changed).map((row) => [row.name, row.before, row.after]));
  assert.deepEqual(short, [[["color", null, "red"]], [["color", "red", "blue"], ["size", null, "M"]], []]);
  assert.deepEqual(tables[0]?.find((row) => row.name === "size"), { name: "size", before: null, after: null, changed: false });
});

test("time not accounted for is shown as other, and shares add up to one", () => {
  const { slices, total } = timeSlices({ nlu: 5, predict: 1, actions: 3, total: 10 });
  assert.equal(total, 10);
  assert.deepEqual(slices.map((slice) => [slice.name, slice.ms]), [["nlu", 5], ["predict", 1], ["actions", 3], ["other", 1]]);
  assert.ok(Math.abs(slices.reduce((sum, slice) => sum + slice.share, 0) - 1) < 1e-9);
  assert.deepEqual(timeSlices(undefined), { slices: [], total: 0 });
});

test("the reason of a turn is that of its first action, not of waiting", () => {
  const steps = [{ action: "action_session_start" }, { action: "action_listen", reason: { kind: "rule" } }, { action: "utter_greet", reason: { kind: "story" } }];
  assert.equal(decidedBy({ text: "", steps })?.kind, "story");
  assert.equal(decidedBy({ text: "" }), null);
});

test("milliseconds for people", () => {
  assert.deepEqual([4.21, 128.4, 1800, null].map(milliseconds), ["4.2 ms", "128 ms", "1.80 s", "–"]);
});
