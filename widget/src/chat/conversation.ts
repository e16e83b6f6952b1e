import type { BotMessage, Button, Handoff, HistoryEntry, Language } from "../types.ts";
import { ulid } from "../ulid.ts";
import { ApiError } from "./api.ts";
import type { Api, TurnEvent } from "./api.ts";
import { deliver, RETRY_DELAYS_MS } from "./delivery.ts";
import type { World } from "./delivery.ts";
import type { Sessions } from "./session.ts";
import type { Storage } from "./storage.ts";

/** How long the typing indicator stands without news before it says so, and before it goes away. */
export const SLOW_MS = 10_000;
export const TYPING_LIMIT_MS = 30_000;

export type Status = "queued" | "sending" | "waiting" | "sent" | "failed";
export type Typing = "off" | "on" | "slow";
export type Trouble = "none" | "offline" | "unavailable";

/** One line of the conversation. `key` is stable over updates and replays. */
export interface Item {
  key: string;
  from: "user" | "bot";
  at: number;
  text: string;
  message?: BotMessage;
  status?: Status;
  reason?: string;
  streaming?: boolean;
}

export interface Listener {
  /** An item is new or has changed. */
  item(item: Item): void;
  /** All items were replaced, by history or a fresh start. */
  reset(items: readonly Item[]): void;
  /** Typing, trouble or handoff has changed. */
  state(): void;
  /** A turn is complete. */
  turn(messageId: string): void;
}

interface Pending {
  id: string;
  text: string;
  title: string;
  at: number;
  language: Language;
}

/** The state of one conversation and the queue of what is still to be sent; knows nothing of the DOM. */
export class Conversation {
  items: Item[] = [];
  typing: Typing = "off";
  trouble: Trouble = "none";
  handoff: Handoff | null = null;
  private outbox: Pending[] = [];
  private recovering = new Set<string>();
  private current: AbortController | null = null;
  private timers: ReturnType<typeof setTimeout>[] = [];
  private epoch = 0;

  constructor(
    private readonly api: Api,
    private readonly sessions: Sessions,
    private readonly storage: Storage,
    private readonly world: World,
    private readonly listener: Listener,
  ) {}

  /** Queues a message; `title` is what the shopper sees when the text is a button's payload. */
  send(text: string, language: Language, title: string = text): string {
    const pending = { id: ulid(), text, title, at: Date.now() / 1000, language };
    this.put({ key: pending.id, from: "user", at: pending.at, text: title, status: this.current ? "queued" : "sending" });
    if (title !== text) this.remember(pending.id, title);
    this.outbox.push(pending);
    this.save();
    void this.pump();
    return pending.id;
  }

  /** Tries a failed message again, under its old id. */
  retry(key: string): void {
    const item = this.find(key);
    if (item?.status !== "failed") return;
    this.put({ ...item, status: "sending", reason: undefined });
    void this.pump();
  }

  /** Reads the stored conversation of the current session, then sends what was left unsent. */
  async restore(): Promise<void> {
    const epoch = this.halt();
    const session = this.sessions.stored();
    this.replace([], null);
    if (!session) return;
    const entries = await this.history(session.token, epoch);
    if (epoch !== this.epoch) return; // another customer was chosen meanwhile
    const stored = this.fromHistory(entries);
    const known = new Set(stored.map((item) => item.key));
    // What was said while history was on its way is newer than history.
    this.replace([...stored, ...this.items.filter((item) => !known.has(item.key))], lastHandoff(entries) ?? this.handoff);
    this.outbox = (this.storage.read<Pending[]>(this.outboxKey()) ?? []).filter((one) => !answered(one.id, entries));
    this.save();
    this.recovering = new Set(this.outbox.map((one) => one.id));
    for (const one of this.outbox) {
      if (this.find(one.id)) continue;
      this.put({ key: one.id, from: "user", at: one.at, text: one.title, status: "sending" });
    }
    void this.pump();
  }

  /** Leaves this conversation behind and begins an empty one under a new session. */
  startOver(): void {
    this.halt();
    this.outbox = [];
    this.recovering.clear();
    this.storage.remove(this.outboxKey());
    this.storage.remove("titles");
    this.sessions.forget();
    this.replace([], null);
  }

  /**
   * Shows history again once everything left over from before a reload is answered: the server may have had a message
   * already, under an id of its own, and then it stands there twice.
   */
  private async refresh(epoch: number): Promise<void> {
    const session = this.sessions.stored();
    const entries = session ? await this.history(session.token, epoch) : [];
    if (epoch === this.epoch && entries.length && !this.outbox.length) this.replace(this.fromHistory(entries), lastHandoff(entries));
  }

  private async history(token: string, epoch: number): Promise<HistoryEntry[]> {
    for (let attempt = 0; epoch === this.epoch; attempt++) {
      try {
        return await this.api.history(token);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401) this.sessions.forget();
        const delay = RETRY_DELAYS_MS[attempt];
        if (!error.transient || delay === undefined) return [];
        this.setTrouble(this.world.online() ? "unavailable" : "offline");
        await this.world.sleep(delay, new AbortController().signal);
      }
    }
    return [];
  }

  private async pump(): Promise<void> {
    while (!this.current) {
      const next = this.outbox.find((one) => this.find(one.id)?.status !== "failed");
      if (!next) return;
      const epoch = this.epoch;
      this.current = new AbortController();
      try {
        await this.deliver(next, this.current.signal);
        if (epoch !== this.epoch) return;
        this.settle(next.id, "sent");
        this.listener.turn(next.id);
        if (this.recovering.delete(next.id) && !this.recovering.size) await this.refresh(epoch);
      } catch (error) {
        if (epoch !== this.epoch) return; // stopped on purpose
        if (!(error instanceof ApiError)) throw error;
        this.fail(next.id, error);
      } finally {
        if (epoch === this.epoch) this.current = null;
      }
    }
  }

  private async deliver(message: Pending, signal: AbortSignal): Promise<void> {
    let replies = 0;
    const outgoing = { message_id: message.id, text: message.text, language: message.language };
    await deliver(outgoing, this.api, this.sessions, this.world, {
      attempt: (number) => {
        replies = 0;
        if (number) this.dropStreams();
        this.mark(message.id, "sending");
        this.setTyping(true);
      },
      waiting: (why) => {
        this.setTyping(false);
        this.mark(message.id, "waiting");
        this.setTrouble(why);
      },
      event: (event) => {
        this.setTrouble("none");
        this.mark(message.id, "sent");
        replies += this.receive(event, message.id, replies);
      },
    }, signal);
  }

  /** Takes one event of a turn in; returns how many messages it completed. */
  private receive(event: TurnEvent, turn: string, count: number): number {
    if (event.kind === "typing") this.setTyping(true);
    if (event.kind === "delta") {
      this.setTyping(false);
      const key = event.id || `${turn}:${count}`;
      const before = this.find(key);
      // A replay tells a finished reply again from its first piece: leave the finished one alone.
      if (before && !before.streaming) return 0;
      this.put({ key, from: "bot", at: before?.at ?? Date.now() / 1000, text: (before?.text ?? "") + event.text, streaming: true });
    }
    if (event.kind !== "message") return 0;
    this.setTyping(false);
    const key = event.message.id || `${turn}:${count}`;
    const handoff = handoffOf(event.message);
    if (handoff !== undefined) this.handoff = handoff;
    this.put({ key, from: "bot", at: this.find(key)?.at ?? Date.now() / 1000, text: event.message.text ?? "", message: event.message });
    this.listener.state();
    return 1;
  }

  private settle(id: string, status: Status): void {
    this.outbox = this.outbox.filter((one) => one.id !== id);
    this.save();
    this.setTyping(false);
    this.setTrouble("none");
    this.mark(id, status);
  }

  private fail(id: string, error: ApiError): void {
    this.setTyping(false);
    this.dropStreams();
    // What the server said about a refusal is for the shopper; a network error's text is not.
    this.mark(id, "failed", error.status >= 400 && error.status < 500 ? error.message : undefined);
    if (!error.transient) this.setTrouble("none");
  }

  private mark(id: string, status: Status, reason?: string): void {
    const item = this.find(id);
    if (item && (item.status !== status || item.reason !== reason)) this.put({ ...item, status, reason });
  }

  private setTyping(on: boolean): void {
    this.timers.forEach(clearTimeout);
    this.timers = [];
    this.typing = on ? "on" : "off";
    if (on) {
      const later = (typing: Typing) => () => {
        this.typing = typing;
        this.listener.state();
      };
      this.timers = [setTimeout(later("slow"), SLOW_MS), setTimeout(later("off"), TYPING_LIMIT_MS)];
    }
    this.listener.state();
  }

  private setTrouble(trouble: Trouble): void {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.listener.state();
  }

  private find(key: string): Item | undefined {
    return this.items.find((item) => item.key === key);
  }

  private put(item: Item): void {
    const at = this.items.findIndex((one) => one.key === item.key);
    if (at < 0) this.items.push(item);
    else this.items[at] = item;
    this.listener.item(item);
  }

  /** A reply that broke off is forgotten: a repeat tells it whole. */
  private dropStreams(): void {
    if (!this.items.some((item) => item.streaming)) return;
    this.items = this.items.filter((item) => !item.streaming);
    this.listener.reset(this.items);
  }

  private replace(items: Item[], handoff: Handoff | null): void {
    this.items = items;
    this.handoff = handoff;
    this.trouble = "none";
    this.setTyping(false);
    this.listener.reset(items);
  }

  private halt(): number {
    this.current?.abort();
    this.current = null;
    return ++this.epoch;
  }

  private fromHistory(entries: readonly HistoryEntry[]): Item[] {
    const titles = this.storage.read<Record<string, string>>("titles") ?? {};
    let buttons: Button[] = [];
    return entries.map((entry, index) => {
      const key = entry.id || `history:${index}`;
      if (entry.from === "bot") {
        if (entry.buttons?.length) buttons = entry.buttons;
        return { key, from: "bot", at: entry.at, text: entry.text ?? "", message: entry };
      }
      const text = entry.text ?? "";
      const title = titles[key] ?? buttons.find((button) => button.payload === text)?.title ?? text;
      return { key, from: "user", at: entry.at, text: title, status: "sent" };
    });
  }

  private remember(id: string, title: string): void {
    const titles = Object.entries(this.storage.read<Record<string, string>>("titles") ?? {});
    this.storage.write("titles", Object.fromEntries([...titles.slice(-100), [id, title]]));
  }

  private outboxKey(): string {
    return `outbox:${this.sessions.customerId ?? "guest"}`;
  }

  private save(): void {
    if (this.outbox.length) this.storage.write(this.outboxKey(), this.outbox);
    else this.storage.remove(this.outboxKey());
  }
}

/** Whether history holds a reply to the message: only then is it safe to leave it unsent. */
function answered(id: string, entries: readonly HistoryEntry[]): boolean {
  const at = entries.findIndex((entry) => entry.from === "user" && entry.id === id);
  return at >= 0 && entries[at + 1]?.from === "bot";
}

/** The handoff a message announces: null when it ends one, undefined when it says nothing of it. */
function handoffOf(message: BotMessage): Handoff | null | undefined {
  const custom = message.custom;
  if (custom?.type !== "handoff") return undefined;
  const handoff = custom as unknown as Handoff;
  return handoff.state === "closed" ? null : handoff;
}

function lastHandoff(entries: readonly HistoryEntry[]): Handoff | null {
  let last: Handoff | null = null;
  for (const entry of entries) {
    const handoff = handoffOf(entry);
    if (handoff !== undefined) last = handoff;
  }
  return last;
}
