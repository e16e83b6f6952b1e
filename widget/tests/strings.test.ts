import assert from "node:assert/strict";
import { test } from "node:test";
import { target } from "../src/chat/quick.ts";
import { languageOf, Strings } from "../src/chat/strings.ts";

test("fills places, keeps unknown ones", () => {
  const strings = new Strings("en");
  assert.equal(strings.get("position", { n: 2 }), "Place 2");
  assert.equal(strings.get("position"), "Place {n}");
  strings.language = "zh";
  assert.equal(strings.get("position", { n: 2 }), "第 2 位");
});

test("a page's words win, others stay", () => {
  const strings = new Strings("en");
  strings.override({ en: { title: "Ask us" } });
  strings.override({ en: { subtitle: "Really" } });
  assert.equal(strings.get("title"), "Ask us");
  assert.equal(strings.get("subtitle"), "Really");
  strings.language = "zh";
  assert.equal(strings.get("title"), "在线客服");
});

test("languages by tag", () => {
  assert.equal(languageOf("zh-CN"), "zh");
  assert.equal(languageOf("EN_gb"), "en");
  assert.equal(languageOf("fr"), null);
  assert.equal(languageOf(null), null);
});

test("arrows move and wrap, also right to left", () => {
  assert.equal(target("ArrowRight", 2, 3, false), 0);
  assert.equal(target("ArrowLeft", 0, 3, false), 2);
  assert.equal(target("ArrowRight", 1, 3, true), 0);
  assert.equal(target("ArrowDown", 0, 3, true), 1);
  assert.equal(target("End", 0, 3, false), 2);
  assert.equal(target("a", 0, 3, false), null);
});
