import assert from "node:assert/strict";
import { test } from "node:test";
import { ulid } from "../src/ulid.ts";

test("a ULID is 26 characters of Crockford's base 32", () => {
  assert.match(ulid(), /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
});

test("the first ten characters are the time, so later ones sort later", () => {
  assert.equal(ulid(0).slice(0, 10), "0000000000");
  assert.equal(ulid(1_469_918_176_385).slice(0, 10), "01ARYZ6S41"); // the specification's own example
  assert.ok(ulid(1000) < ulid(1001));
});

test("a thousand of one millisecond are all different", () => {
  assert.equal(new Set(Array.from({ length: 1000 }, () => ulid(5))).size, 1000);
});
