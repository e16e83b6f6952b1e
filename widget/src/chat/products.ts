import { h, icon, ICONS, link } from "../dom.ts";
import { money } from "../format.ts";
import { safeUrl } from "../links.ts";
import type { Comparison, ProductItem } from "../types.ts";
import type { Context } from "./context.ts";

const FEW_LEFT = 5;

/** Product cards in a row that scrolls sideways, with buttons for those who do not swipe. */
export function productCards(items: readonly ProductItem[], context: Context): HTMLElement {
  const t = context.strings;
  const row = h("ul", { class: "cards", "aria-label": t.get("products") }, ...items.map((item) => card(item, context)));
  if (items.length < 2) return row;
  const step = (direction: number) => () => {
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    row.scrollBy({ left: direction * row.clientWidth * 0.8, behavior: smooth ? "smooth" : "auto" });
  };
  const previous = h("button", { class: "nav", type: "button", "aria-label": t.get("previous"), on: { click: step(-1) } }, icon(ICONS.left));
  const next = h("button", { class: "nav", type: "button", "aria-label": t.get("next"), on: { click: step(1) } }, icon(ICONS.right));
  const update = (): void => {
    previous.toggleAttribute("disabled", row.scrollLeft <= 1);
    next.toggleAttribute("disabled", row.scrollLeft + row.clientWidth >= row.scrollWidth - 1);
  };
  row.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(row);
  return h("div", { class: "carousel" }, row, h("div", { class: "navs" }, previous, next));
}

function card(item: ProductItem, context: Context): HTMLElement {
  const image = safeUrl(item.image, context.base);
  const price = money(item.price, item.currency, context.strings.language);
  return h(
    "li",
    { class: "card" },
    image ? h("img", { src: image, alt: "", width: 160, height: 160, loading: "lazy" }) : h("span", { class: "blank" }),
    h("span", { class: "card-title", dir: "auto" }, link(item.title, item.url, context.base, context.onLink, "cover")),
    price && h("strong", { class: "price" }, price),
    rating(item.rating, context),
    stock(item.stock, context),
  );
}

function rating(value: unknown, context: Context): Node | null {
  if (typeof value !== "number" || !(value > 0)) return null;
  const shown = (Math.round(value * 10) / 10).toString();
  return h(
    "span",
    { class: "rating" },
    h("span", { "aria-hidden": "true" }, "★ " + shown),
    h("span", { class: "only-heard" }, context.strings.get("rated", { n: shown })),
  );
}

function stock(value: unknown, context: Context): Node | null {
  if (typeof value === "string" && value) return h("span", { class: "stock" }, value);
  if (typeof value !== "number") return null;
  const t = context.strings;
  if (value <= 0) return h("span", { class: "stock bad" }, t.get("soldOut"));
  if (value <= FEW_LEFT) return h("span", { class: "stock few" }, t.get("lowStock", { n: value }));
  return h("span", { class: "stock good" }, t.get("inStock"));
}

/** Products side by side: one column a product, one row a feature; rows that differ stand out. */
export function comparison(table: Comparison, context: Context): HTMLElement {
  const t = context.strings;
  const heads = table.items.map((item) => {
    const image = safeUrl(item.image, context.base);
    return h(
      "th",
      { scope: "col" },
      image ? h("img", { src: image, alt: "", width: 56, height: 56, loading: "lazy" }) : null,
      link(item.title, item.url, context.base, context.onLink),
    );
  });
  const rows = table.rows.map((row) => {
    const words = row.values.map((value) => cell(value, context));
    const differs = new Set(words).size > 1;
    return h("tr", { class: differs ? "differs" : null }, h("th", { scope: "row" }, row.label), ...words.map((word) => h("td", {}, word)));
  });
  return h(
    "div",
    { class: "compare", role: "region", tabindex: 0, "aria-label": t.get("comparison") },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("td", {}, h("span", { class: "only-heard" }, t.get("feature"))), ...heads)),
      h("tbody", {}, ...rows),
    ),
  );
}

function cell(value: unknown, context: Context): string {
  if (value === true) return context.strings.get("yes");
  if (value === false) return context.strings.get("no");
  return value === null || value === undefined || value === "" ? "–" : String(value);
}
