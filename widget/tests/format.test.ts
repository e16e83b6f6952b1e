import assert from "node:assert/strict";
import { test } from "node:test";
import { characters, day, money, toDate } from "../src/format.ts";

test("money in both notations, from numbers and texts", () => {
  assert.equal(money(129, "EUR", "en"), "€129.00");
  assert.equal(money("98.5", "eur", "zh"), "€98.50");
  assert.equal(money(null, "EUR", "en"), null);
  assert.equal(money("free", "EUR", "en"), null);
  assert.equal(money(5, "<b>", "en"), "€5.00");
});

test("dates from epoch seconds, milliseconds and ISO text; anything else is none", () => {
  assert.equal(toDate(1_700_000_000)?.getTime(), 1_700_000_000_000);
  assert.equal(toDate(1_700_000_000_000)?.getTime(), 1_700_000_000_000);
  assert.equal(toDate("2026-05-12")?.getDate(), 12); // that day here, not midnight in Greenwich
  assert.equal(toDate("soon"), null);
  assert.equal(toDate(Number.NaN), null);
});

test("a day is short this year, and text that is no date is kept", () => {
  const now = new Date(2026, 4, 1);
  assert.equal(day("2026-05-12", "en", now), "12 May");
  assert.equal(day("2025-05-12", "en", now), "12 May 2025");
  assert.equal(day("2026-05-12", "zh", now), "5月12日");
  assert.equal(day("within two days", "en", now), "within two days");
  assert.equal(day(null, "en", now), null);
});

test("characters are counted as people and the server count them", () => {
  assert.equal(characters("灯织"), 2);
  assert.equal(characters("🏮"), 1);
});
