import { h, link, richText } from "../dom.ts";
import { clock } from "../format.ts";
import { safeUrl } from "../links.ts";
import type { BotMessage, Button, Comparison, OrderDetails, OrderRow, ProductItem, SourceItem } from "../types.ts";
import type { Context } from "./context.ts";
import type { Item } from "./conversation.ts";
import { mergeButtons, orderList, orderTimeline, sources } from "./orders.ts";
import { comparison, productCards } from "./products.ts";
import { quickButtons } from "./quick.ts";

/** Cards whose text says in words what the card shows: only its first line stands above the card. */
const SPEAKING_CARDS = new Set(["product_cards", "order_timeline", "orders", "comparison"]);

/** One line of the conversation as an element. */
export function renderItem(item: Item, active: boolean, context: Context, retry: (key: string) => void): HTMLElement {
  const body = item.from === "user" ? userParts(item, context, retry) : botParts(item, active, context);
  const speaker = context.strings.get(item.from === "user" ? "youSaid" : "botSaid");
  return h("div", { class: `item ${item.from}`, "data-key": item.key }, h("span", { class: "only-heard" }, speaker), ...body);
}

function userParts(item: Item, context: Context, retry: (key: string) => void): Node[] {
  const t = context.strings;
  const status = item.status ?? "sent";
  const note = h("span", { class: `status ${status}` }, status === "sent" ? clock(item.at, t.language) : t.get(status));
  if (item.reason) note.append(`: ${item.reason}`);
  const meta = h("div", { class: "meta" }, note);
  if (status === "failed") {
    meta.append(h("button", { type: "button", class: "retry", on: { click: () => retry(item.key) } }, t.get("retry")));
  }
  // The shopper's own words are never formatted: what was typed is what stands there.
  return [h("div", { class: "bubble", dir: "auto" }, item.text), meta];
}

function botParts(item: Item, active: boolean, context: Context): Node[] {
  if (item.streaming) return [h("div", { class: "bubble", dir: "auto" }, item.text)];
  const message = withRows(item.message ?? { text: item.text });
  const card = customCard(message, context);
  const text = card && SPEAKING_CARDS.has(message.custom?.type ?? "") ? lead(message) : withoutSource(message);
  const parts: (Node | null)[] = [
    text ? h("div", { class: "bubble", dir: "auto" }, ...richText(text, context.base, context.onLink)) : null,
    picture(message.image, context),
    attachment(message.attachment, context),
    card,
    active && message.buttons?.length ? quickButtons(message.buttons.filter(isButton), context) : null,
  ];
  return parts.filter((part): part is Node => part !== null);
}

function isButton(button: Button): boolean {
  return typeof button?.title === "string" && typeof button.payload === "string";
}

function withRows(message: BotMessage): BotMessage {
  const custom = message.custom as { type?: string; items?: unknown } | undefined;
  if (custom?.type !== "orders" || !Array.isArray(custom.items)) return message;
  const { rows, left } = mergeButtons(custom.items as OrderRow[], (message.buttons ?? []).filter(isButton));
  return { ...message, buttons: left, custom: { ...custom, items: rows } };
}

/** What of a speaking card's text stands above it: the first line, without a list of what the card shows anyway. */
export function lead(message: BotMessage): string | undefined {
  const line = message.text?.split("\n").find((one) => one.trim());
  const colon = line?.search(/[:：]/) ?? -1;
  const items = (message.custom as { items?: { title?: unknown }[] } | undefined)?.items;
  const listed = Array.isArray(items) && items.some((one) => typeof one?.title === "string" && line?.indexOf(one.title, colon) !== -1);
  return line && colon > 0 && listed ? line.slice(0, colon + 1) : line;
}

/** The text without its last line, "(Source: …)", where a card names the same source. */
export function withoutSource(message: BotMessage): string | undefined {
  const custom = message.custom as { type?: string; items?: { title?: unknown }[] } | undefined;
  const lines = message.text?.split("\n") ?? [];
  const last = lines.length > 1 ? (lines.at(-1) ?? "") : "";
  const named = custom?.type === "sources" && custom.items?.some((one) => typeof one?.title === "string" && last.includes(one.title));
  return named && /^[(（].*[)）]$/.test(last) ? lines.slice(0, -1).join("\n") : message.text;
}

function customCard(message: BotMessage, context: Context): HTMLElement | null {
  const custom = message.custom as Record<string, unknown> | undefined;
  const items = Array.isArray(custom?.items) ? (custom.items as unknown[]) : [];
  switch (custom?.type) {
    case "product_cards":
      return items.length ? productCards(items as ProductItem[], context) : null;
    case "order_timeline":
      return custom.order ? orderTimeline(custom.order as OrderDetails, context) : null;
    case "orders":
      return items.length ? orderList(items as OrderRow[], context) : null;
    case "sources":
      return items.length ? sources(items as SourceItem[], context) : null;
    case "comparison":
      return items.length && Array.isArray(custom.rows) ? comparison(custom as unknown as Comparison, context) : null;
    default:
      return null;
  }
}

function picture(address: unknown, context: Context): HTMLElement | null {
  const src = safeUrl(address, context.base);
  return src ? h("img", { class: "picture", src, alt: context.strings.get("image"), loading: "lazy" }) : null;
}

/** Rasa's attachments come as an address, or as an object with one in its payload. */
function attachment(value: unknown, context: Context): HTMLElement | null {
  if (!value) return null;
  const holder = typeof value === "object" ? (value as { payload?: { src?: unknown; url?: unknown; title?: unknown } }).payload : null;
  const href = safeUrl(holder ? (holder.src ?? holder.url) : value, context.base);
  if (!href) return null;
  const title = typeof holder?.title === "string" ? holder.title : context.strings.get("attachment");
  return h("div", { class: "bubble" }, link(title, href, context.base, context.onLink));
}
