import assert from "node:assert/strict";
import { test } from "node:test";
import { safeUrl, segments } from "../src/links.ts";

const BASE = "https://shop.example/";

test("http, https and relative addresses are allowed", () => {
  assert.equal(safeUrl("https://a.example/x?y#z", BASE), "https://a.example/x?y#z");
  assert.equal(safeUrl("/shop/articles/returns", BASE), "https://shop.example/shop/articles/returns");
  assert.equal(safeUrl("#top", BASE), "https://shop.example/#top");
});

for (const address of [
  "javascript:alert(1)", " JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "java\tscript:alert(1)", "\u0001javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)", "blob:https://shop.example/1", "file:///etc/passwd", "https://user:pass@evil.example/", "https://shop.example@evil.example/",
  "\\\\evil.example", "ftp://a.example", "mailto:a@b.example", "", "   ", null, undefined, 7, {},
]) {
  test(`refuses ${JSON.stringify(address)}`, () => assert.equal(safeUrl(address, BASE), null));
}

test("finds links and leaves the closing punctuation outside, Western and Chinese", () => {
  const text = "See https://a.example/b. Or（https://c.example/d）。";
  const links = segments(text, BASE).filter((one) => one.kind === "link");
  assert.deepEqual(links.map((one) => one.text), ["https://a.example/b", "https://c.example/d"]);
  assert.equal(segments(text, BASE).map((one) => one.text).join(""), text);
});

test("reads titled links, and leaves those with a refused address literal", () => {
  assert.deepEqual(segments("[Returns](/shop/articles/returns)!", BASE), [
    { kind: "link", text: "Returns", href: "https://shop.example/shop/articles/returns" },
    { kind: "text", text: "!" },
  ]);
  const bad = "[click](javascript:alert(1))";
  assert.deepEqual(segments(bad, BASE), [{ kind: "text", text: bad }]);
});

test("markup stays text", () => {
  const text = '<img src=x onerror="alert(1)"> <b>bold</b>';
  assert.deepEqual(segments(text, BASE), [{ kind: "text", text }]);
});

test("a long hostile text is read in linear time", () => {
  const started = performance.now();
  segments("[".repeat(50_000) + "](" + "https://".repeat(5_000), BASE);
  assert.ok(performance.now() - started < 500);
});
