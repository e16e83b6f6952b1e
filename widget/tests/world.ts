import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Api } from "../src/chat/api.ts";
import { Conversation } from "../src/chat/conversation.ts";
import type { Item, Listener } from "../src/chat/conversation.ts";
import type { World } from "../src/chat/delivery.ts";
import { Sessions } from "../src/chat/session.ts";
import { Storage } from "../src/chat/storage.ts";
import type { HistoryEntry } from "../src/types.ts";

export interface Received {
  message_id: string;
  text: string;
  language: string;
  token: string;
}

type Answer = (response: ServerResponse, message: Received) => void;

/** A real HTTP server that speaks the contract; tests say how each next message is answered. */
export class ScriptedServer {
  readonly received: Received[] = [];
  history: HistoryEntry[] = [];
  answers: Answer[] = [];
  sessions = 0;
  private readonly server: Server = createServer((request, response) => void this.handle(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const piece of request) body += String(piece);
    if (request.url === "/webhooks/web/session") {
      const token = `token-${++this.sessions}`;
      response.end(JSON.stringify({ token, sender_id: `s${this.sessions}`, customer: null, expires_at: null }));
    } else if (request.url === "/webhooks/web/history") {
      response.end(JSON.stringify({ messages: this.history }));
    } else {
      const message = { ...(JSON.parse(body) as Received), token: String(request.headers.authorization) };
      this.received.push(message);
      (this.answers.shift() ?? reply({ text: `You said ${message.text}` }))(response, message);
    }
  }
}

/** Answers with messages and done. */
export const reply =
  (...messages: object[]): Answer =>
  (response) => {
    if (!response.headersSent) response.setHeader("Content-Type", "text/event-stream");
    for (const message of messages) response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    response.end('event: done\ndata: {"turn_ms": 3, "messages": 1}\n\n');
  };

/** Answers with an error status. */
export const refuse =
  (status: number, headers: Record<string, string> = {}, message = "no"): Answer =>
  (response) => {
    response.writeHead(status, headers);
    response.end(JSON.stringify({ error: { code: "x", message, hint: "y" } }));
  };

/** Writes raw event text, then breaks the connection off. */
export const breakOff =
  (text: string): Answer =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(text, () => setTimeout(() => response.destroy(), 20));
  };

/** A browser's storage. */
export class MemoryStorage {
  readonly values = new Map<string, string>();
  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.values.set(key, value);
  }
  removeItem(key: string): void {
    this.values.delete(key);
  }
}

/** A conversation over real HTTP, with a clock that does not wait and a record of what it told its listener. */
export function conversationWith(url: string, backing = new MemoryStorage(), world: Partial<World> = {}) {
  const slept: number[] = [];
  const told: Item[] = [];
  const troubles: string[] = [];
  const storage = new Storage("t:", backing);
  const api = new Api(url);
  const sessions = new Sessions(api, storage, () => "en");
  let finish: (() => void)[] = [];
  const listener: Listener = {
    item: (item) => void told.push(item),
    reset: () => undefined,
    state: () => troubles.at(-1) !== conversation.trouble && void troubles.push(conversation.trouble),
    turn: () => {
      finish.forEach((one) => one());
      finish = [];
    },
  };
  const full: World = {
    sleep: async (ms) => void slept.push(ms),
    online: () => true,
    untilOnline: async () => undefined,
    ...world,
  };
  const conversation: Conversation = new Conversation(api, sessions, storage, full, listener);
  const turn = (): Promise<void> => new Promise((resolve) => void finish.push(resolve));
  return { conversation, slept, told, troubles, turn, sessions, backing };
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!holds()) throw new Error("it never came to hold");
}
