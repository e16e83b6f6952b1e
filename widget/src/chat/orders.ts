import { h, icon, ICONS, link } from "../dom.ts";
import { day, money } from "../format.ts";
import { safeUrl } from "../links.ts";
import type { Button, OrderDetails, OrderRow, OrderStep, SourceItem } from "../types.ts";
import type { Context } from "./context.ts";

/** The colour an order's state has: over and well, over and not, or under way. */
export function tone(state: string): "good" | "bad" | "busy" {
  if (/deliver(ed|y_done)|refunded|completed|closed/i.test(state)) return "good";
  return /cancel|lost|fail|reject|damag/i.test(state) ? "bad" : "busy";
}

/** One order: what, when, how much, and where it is on its way. */
export function orderTimeline(order: OrderDetails, context: Context): HTMLElement {
  const t = context.strings;
  const steps = order.steps ?? [];
  const label = order.label ?? steps.find((step) => step.state === order.state)?.label ?? order.state;
  const eta = day(order.eta, t.language);
  return h(
    "section",
    { class: "order", "aria-label": t.get("order", { id: order.id }) },
    h("header", {}, h("strong", {}, t.get("order", { id: order.id })), h("span", { class: `state ${tone(order.state)}` }, label)),
    eta && tone(order.state) === "busy" ? h("p", { class: "eta" }, t.get("eta", { date: eta })) : null,
    orderItems(order, context),
    steps.length ? h("ol", { class: "steps" }, ...steps.map((step, at) => orderStep(step, !step.done && (steps[at - 1]?.done ?? true), context))) : null,
    facts(order, context),
  );
}

function orderItems(order: OrderDetails, context: Context): Node | null {
  if (!order.items?.length) return null;
  const rows = order.items.map((item) => {
    const image = safeUrl(item.image, context.base);
    return h(
      "li",
      {},
      image ? h("img", { src: image, alt: "", width: 40, height: 40, loading: "lazy" }) : null,
      h("span", { dir: "auto" }, item.title),
      item.quantity && item.quantity > 1 ? h("span", { class: "quantity" }, `× ${item.quantity}`) : null,
    );
  });
  return h("ul", { class: "order-items" }, ...rows);
}

function orderStep(step: OrderStep, current: boolean, context: Context): HTMLElement {
  const t = context.strings;
  const at = day(step.at, t.language);
  return h(
    "li",
    { class: step.done ? "done" : current ? "current" : null, "aria-current": current ? "step" : null },
    h("span", { class: "dot" }, step.done ? icon(ICONS.check) : null),
    h("span", {}, step.label ?? step.state),
    h("span", { class: "only-heard" }, step.done ? t.get("stepDone") : t.get("stepOpen")),
    at && h("time", {}, at),
  );
}

function facts(order: OrderDetails, context: Context): Node | null {
  const t = context.strings;
  const total = money(order.total, order.currency, t.language);
  const tracking = [order.carrier, order.tracking_number].filter(Boolean).join(" · ");
  const placed = day(order.placed_at, t.language);
  if (!total && !tracking && !placed) return null;
  return h(
    "dl",
    { class: "facts" },
    ...(tracking ? [h("dt", {}, t.get("tracking")), h("dd", { class: "code" }, tracking)] : []),
    ...(total ? [h("dt", {}, t.get("total")), h("dd", {}, total, placed ? ` · ${t.get("placed", { date: placed })}` : "")] : []),
  );
}

/**
 * Puts the buttons that stand for orders into their rows: other channels need them, here a row is a button itself.
 *
 * Returns the rows, each with its button's payload and what its title adds, and the buttons that are left.
 */
export function mergeButtons(rows: readonly OrderRow[], buttons: readonly Button[]): { rows: OrderRow[]; left: Button[] } {
  const left = [...buttons];
  const merged = rows.map((row) => {
    const at = left.findIndex((button) => button.title.includes(row.id));
    const button = at < 0 ? undefined : left.splice(at, 1)[0];
    if (!button) return row;
    const detail = button.title.replace(row.id, "").replace(/^[\s#·:：,，–-]+/, "");
    return { ...row, payload: row.payload ?? button.payload, detail: detail === row.label ? null : detail };
  });
  return { rows: merged, left };
}

/** The shopper's orders; choosing one asks about it. */
export function orderList(rows: readonly OrderRow[], context: Context): HTMLElement {
  const t = context.strings;
  const items = rows.map((row) => {
    const placed = day(row.placed_at, t.language);
    const choose = (): void => context.say(row.payload ?? row.id, t.get("order", { id: row.id }));
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", on: { click: choose } },
        h("span", { class: "order-id" }, t.get("order", { id: row.id })),
        h("span", { class: `state ${tone(row.state)}` }, row.label ?? row.state),
        h("span", { class: "order-when" }, placed ? t.get("placed", { date: placed }) : ""),
        h("span", { class: "order-total" }, money(row.total, row.currency, t.language) ?? ""),
        row.detail ? h("span", { class: "order-detail" }, row.detail) : null,
      ),
    );
  });
  return h("ul", { class: "orders", "aria-label": t.get("orders") }, ...items);
}

/** Where an answer comes from. */
export function sources(items: readonly SourceItem[], context: Context): HTMLElement {
  const links = items.map((item) => h("li", {}, link(item.title, item.url, context.base, context.onLink)));
  return h("div", { class: "sources" }, icon(ICONS.page), h("span", {}, context.strings.get("source")), h("ul", {}, ...links));
}
