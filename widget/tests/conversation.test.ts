import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { breakOff, conversationWith, MemoryStorage, refuse, reply, ScriptedServer, until } from "./world.ts";

let server: ScriptedServer;
let url: string;

beforeEach(async () => {
  server = new ScriptedServer();
  url = await server.start();
});
afterEach(() => server.stop());

test("a message is sent with a ULID and its replies are kept in order", async () => {
  const { conversation, turn } = conversationWith(url);
  server.answers = [reply({ text: "one" }, { text: "two" })];
  conversation.send("hello", "zh");
  await turn();
  assert.deepEqual(conversation.items.map((item) => [item.from, item.text]), [["user", "hello"], ["bot", "one"], ["bot", "two"]]);
  assert.equal(conversation.items[0]?.status, "sent");
  assert.match(server.received[0]?.message_id ?? "", /^[0-9A-HJKMNP-TV-Z]{26}$/);
  assert.equal(server.received[0]?.language, "zh");
  assert.equal(server.received[0]?.token, "Bearer token-1");
});

test("503 is tried again under the same message_id, after the time the server asks for", async () => {
  const { conversation, slept, troubles, turn } = conversationWith(url);
  server.answers = [refuse(503, { "Retry-After": "3" }), refuse(503), reply({ text: "back" })];
  conversation.send("hello", "en");
  await turn();
  assert.deepEqual(slept, [3000, 2000]);
  assert.equal(server.received.length, 3);
  assert.equal(new Set(server.received.map((one) => one.message_id)).size, 1);
  assert.ok(troubles.includes("unavailable"));
  assert.equal(conversation.trouble, "none");
  assert.deepEqual(conversation.items.map((item) => item.text), ["hello", "back"]);
});

test("a stream that breaks off is told again whole: nothing doubled, nothing half", async () => {
  const { conversation, turn } = conversationWith(url);
  const first = 'event: message\ndata: {"text": "first"}\n\nevent: delta\ndata: {"id": "d", "text": "half of"}\n\n';
  server.answers = [breakOff(first), reply({ text: "first" }, { id: "d", text: "half of it, whole" })];
  conversation.send("hello", "en");
  await turn();
  assert.deepEqual(conversation.items.map((item) => item.text), ["hello", "first", "half of it, whole"]);
  assert.ok(conversation.items.every((item) => !item.streaming));
});

test("pieces grow one item, and its message replaces them", async () => {
  const { conversation, told, turn } = conversationWith(url);
  server.answers = [
    (response) => {
      response.write('event: delta\ndata: {"id": "a", "text": "Long "}\n\nevent: delta\ndata: {"id": "a", "text": "ago"}\n\n');
      reply({ id: "a", text: "Long ago." })(response, undefined as never);
    },
  ];
  conversation.send("story", "en");
  await turn();
  const shown = told.filter((item) => item.from === "bot").map((item) => [item.text, item.streaming ?? false]);
  assert.deepEqual(shown, [["Long ", true], ["Long ago", true], ["Long ago.", false]]);
});

test("a refusal is not tried again, says why, and can be retried by hand under the same id", async () => {
  const { conversation, slept, turn } = conversationWith(url);
  server.answers = [refuse(413, {}, "at most 2,000 characters")];
  const id = conversation.send("hello", "en");
  await until(() => conversation.items[0]?.status === "failed");
  assert.equal(conversation.items[0]?.reason, "at most 2,000 characters");
  assert.deepEqual(slept, []);
  conversation.retry(id);
  await turn();
  assert.deepEqual(server.received.map((one) => one.message_id), [id, id]);
  assert.equal(conversation.items[0]?.status, "sent");
});

test("a failed message does not block the next one", async () => {
  const { conversation, turn } = conversationWith(url);
  server.answers = [refuse(400)];
  conversation.send("bad", "en");
  conversation.send("good", "en");
  await turn();
  assert.deepEqual(conversation.items.map((item) => item.status), ["failed", "sent", undefined]);
});

test("messages written meanwhile wait and go out in order", async () => {
  const { conversation, turn } = conversationWith(url);
  for (const text of ["one", "two", "three"]) conversation.send(text, "en");
  assert.deepEqual(conversation.items.map((item) => item.status), ["sending", "queued", "queued"]);
  await turn();
  await turn();
  await turn();
  assert.deepEqual(server.received.map((one) => one.text), ["one", "two", "three"]);
});

test("an expired session is renewed once", async () => {
  const { conversation, turn } = conversationWith(url);
  server.answers = [refuse(401)];
  conversation.send("hello", "en");
  await turn();
  assert.deepEqual(server.received.map((one) => one.token), ["Bearer token-1", "Bearer token-2"]);
});

test("offline, nothing is sent until the network is back", async () => {
  let back = (): void => undefined;
  let online = false;
  const world = { online: () => online, untilOnline: () => new Promise<void>((resolve) => (back = resolve)) };
  const { conversation, turn } = conversationWith(url, undefined, world);
  conversation.send("hello", "en");
  await until(() => conversation.trouble === "offline");
  assert.equal(conversation.items[0]?.status, "waiting");
  assert.equal(server.received.length, 0);
  online = true;
  back();
  await turn();
  assert.equal(server.received.length, 1);
  assert.equal(conversation.trouble, "none");
});

test("after a reload history is shown, and what was left unsent goes out under its old id", async () => {
  const backing = new MemoryStorage();
  const before = conversationWith(url, backing);
  server.answers = [reply({ text: "hi" }), refuse(503), refuse(503), refuse(503), refuse(503), refuse(503), refuse(503)];
  before.conversation.send("hello", "en");
  await before.turn();
  const lost = before.conversation.send("lost?", "en");
  await until(() => before.conversation.items.at(-1)?.status === "failed");

  const after = conversationWith(url, backing);
  server.history = [{ from: "user", at: 1, id: "u1", text: "hello" }, { from: "bot", at: 2, id: "b1", text: "hi" }];
  server.answers = [
    (response, message) => {
      server.history.push({ from: "user", at: 3, id: "u2", text: message.text }, { from: "bot", at: 4, id: "b2", text: `You said ${message.text}` });
      reply({ text: `You said ${message.text}` })(response, message);
    },
  ];
  void after.conversation.restore();
  await after.turn();
  await until(() => after.conversation.items.at(-1)?.key === "b2");
  assert.deepEqual(after.conversation.items.map((item) => item.text), ["hello", "hi", "lost?", "You said lost?"]);
  assert.equal(server.received.at(-1)?.message_id, lost);
});

test("an unsent message that history shows as answered is not sent again", async () => {
  const backing = new MemoryStorage();
  const before = conversationWith(url, backing);
  server.answers = Array.from({ length: 6 }, () => refuse(503));
  const id = before.conversation.send("hello", "en");
  await until(() => before.conversation.items.at(-1)?.status === "failed");
  const count = server.received.length;
  server.history = [{ from: "user", at: 1, id, text: "hello" }, { from: "bot", at: 2, text: "hi" }];
  const after = conversationWith(url, backing);
  await after.conversation.restore();
  assert.deepEqual(after.conversation.items.map((item) => item.text), ["hello", "hi"]);
  assert.equal(server.received.length, count);
});

test("a button's payload is sent, its title is shown, now and after a reload", async () => {
  const backing = new MemoryStorage();
  const before = conversationWith(url, backing);
  const id = before.conversation.send("/affirm", "en", "Yes, please");
  await before.turn();
  assert.equal(server.received[0]?.text, "/affirm");
  assert.equal(before.conversation.items[0]?.text, "Yes, please");
  server.history = [
    { from: "user", at: 1, id, text: "/affirm" },
    { from: "bot", at: 2, text: "which?", buttons: [{ title: "Blue", payload: "/inform" }] },
    { from: "user", at: 3, text: "/inform" },
  ];
  const after = conversationWith(url, backing);
  await after.conversation.restore();
  assert.deepEqual(after.conversation.items.map((item) => item.text), ["Yes, please", "which?", "Blue"]);
});

test("handoff is seen in replies and in history, and ends when it is closed", async () => {
  const { conversation, turn } = conversationWith(url);
  server.answers = [reply({ text: "wait", custom: { type: "handoff", ticket: "T-1", position: 2 } })];
  conversation.send("person", "en");
  await turn();
  assert.equal(conversation.handoff?.position, 2);
  server.answers = [reply({ text: "bye", custom: { type: "handoff", state: "closed" } })];
  conversation.send("thanks", "en");
  await turn();
  assert.equal(conversation.handoff, null);
});

test("starting over leaves the old session and its unsent messages behind", async () => {
  const { conversation, turn, backing } = conversationWith(url);
  conversation.send("hello", "en");
  await turn();
  server.answers = [refuse(400)];
  conversation.send("bad", "en");
  await until(() => conversation.items.at(-1)?.status === "failed");
  conversation.startOver();
  assert.deepEqual(conversation.items, []);
  assert.deepEqual([...backing.values.keys()], []);
  conversation.send("again", "en");
  await turn();
  assert.equal(server.received.at(-1)?.token, "Bearer token-2");
});

test("starting over in the middle of a reply drops the rest of it", async () => {
  const { conversation, turn } = conversationWith(url);
  server.answers = [(response) => void response.write('event: delta\ndata: {"id":"a","text":"Once"}\n\n')];
  conversation.send("story", "en");
  await until(() => conversation.items.length === 2);
  conversation.startOver();
  conversation.send("new", "en");
  await turn();
  assert.deepEqual(conversation.items.map((item) => item.text), ["new", "You said new"]);
});

test("a message the server had before the reload, under another id, ends up there once", async () => {
  const backing = new MemoryStorage();
  const before = conversationWith(url, backing);
  server.answers = Array.from({ length: 6 }, () => refuse(503));
  before.conversation.send("hello", "en");
  await until(() => before.conversation.items.at(-1)?.status === "failed");
  server.history = [{ from: "user", at: 1, id: "h1", text: "hello" }, { from: "bot", at: 2, id: "h2", text: "hi" }];
  server.answers = [reply({ text: "hi" })];
  const after = conversationWith(url, backing);
  void after.conversation.restore();
  await after.turn();
  await until(() => after.conversation.items.length === 2);
  assert.deepEqual(after.conversation.items.map((item) => item.text), ["hello", "hi"]);
});

test("what is said while history is on its way stays", async () => {
  const backing = new MemoryStorage();
  const before = conversationWith(url, backing);
  before.conversation.send("first", "en");
  await before.turn();
  server.history = [{ from: "user", at: 1, id: "h1", text: "first" }, { from: "bot", at: 2, id: "h2", text: "You said first" }];
  const after = conversationWith(url, backing);
  const restored = after.conversation.restore();
  after.conversation.send("second", "en");
  await Promise.all([restored, after.turn()]);
  await until(() => after.conversation.items.length === 4);
  assert.deepEqual(after.conversation.items.map((item) => item.text), ["first", "You said first", "second", "You said second"]);
});
