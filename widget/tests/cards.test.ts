import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeButtons, tone } from "../src/chat/orders.ts";
import { lead, withoutSource } from "../src/chat/render.ts";

test("buttons that stand for orders go into their rows, others stay", () => {
  const rows = [{ id: "10412", state: "paid", label: "paid" }, { id: "10234", state: "shipped", label: "on its way" }];
  const buttons = [
    { title: "10234 · Harbour Rain Jacket, navy, M", payload: "/inform{1}" },
    { title: "10412 · paid", payload: "/inform{2}" },
    { title: "None of these", payload: "/deny" },
  ];
  const merged = mergeButtons(rows, buttons);
  assert.deepEqual(merged.left, [buttons[2]]);
  assert.deepEqual(merged.rows.map((row) => [row.payload, row.detail]), [["/inform{2}", null], ["/inform{1}", "Harbour Rain Jacket, navy, M"]]);
  assert.deepEqual(mergeButtons(rows, []).rows, rows);
});

test("above a card stands what it does not say itself", () => {
  const custom = { type: "product_cards", items: [{ title: "Tee" }] };
  assert.equal(lead({ text: "This could suit you: Tee (EUR 34).", custom }), "This could suit you:");
  assert.equal(lead({ text: "\nYour order is on its way.\nOrdered, packed.", custom }), "Your order is on its way.");
  assert.equal(lead({ text: "Note: nothing else fits.", custom }), "Note: nothing else fits.");
  assert.equal(lead({ custom }), undefined);
});

test("a source is named once", () => {
  const custom = { type: "sources", items: [{ title: "What does shipping cost?" }] };
  assert.equal(withoutSource({ text: "EUR 4.90.\n(Source: What does shipping cost?)", custom }), "EUR 4.90.");
  assert.equal(withoutSource({ text: "EUR 4.90.\n（来源：What does shipping cost?）", custom }), "EUR 4.90.");
  assert.equal(withoutSource({ text: "EUR 4.90.\n(Source: another)", custom }), "EUR 4.90.\n(Source: another)");
  assert.equal(withoutSource({ text: "(What does shipping cost?)", custom }), "(What does shipping cost?)");
});

test("an order's state has a colour", () => {
  assert.deepEqual(["delivered", "cancelled", "shipped", "refunded"].map(tone), ["good", "bad", "busy", "good"]);
});
