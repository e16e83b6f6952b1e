import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "../src/sse.ts";

const STREAM = ': hello\r\nevent: delta\r\ndata: {"text":\r\ndata: "灯"}\r\n\r\nevent: typing\ndata: {}\n\ndata: plain\n\n';
const EXPECTED = [
  { event: "delta", data: '{"text":\n"灯"}' },
  { event: "typing", data: "{}" },
  { event: "message", data: "plain" },
];

test("reads events with comments, several data lines and both line ends", () => {
  assert.deepEqual(new EventParser().feed(STREAM), EXPECTED);
});

test("gives the same events whatever the pieces, down to single characters", () => {
  for (let size = 1; size < STREAM.length; size++) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...parser.feed(STREAM.slice(at, at + size)));
    assert.deepEqual(found, EXPECTED, `pieces of ${size}`);
  }
});

test("an event without its blank line is not given out", () => {
  assert.deepEqual(new EventParser().feed("event: done\ndata: {}\n"), []);
});
