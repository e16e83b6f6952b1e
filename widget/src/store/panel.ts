import { h, richText } from "../dom.ts";
import type { LinkHandler } from "../dom.ts";
import { money } from "../format.ts";
import { safeUrl } from "../links.ts";
import type { Language } from "../types.ts";
import { article, productById } from "./shop.ts";
import type { Product } from "./shop.ts";
import { words } from "./words.ts";

/** A deep link of the shop: an article or a product. */
export interface Route {
  kind: "articles" | "products";
  id: string;
}

/** Opens a deep link in the panel; false when the address is none. */
export function follow(address: string): boolean {
  const route = routeOf(address);
  if (route) location.hash = `#/${route.kind}/${encodeURIComponent(route.id)}`;
  return route !== null;
}

/** Reads "/shop/articles/x" or "/?product=x" of an address, or "#/articles/x" of the page. */
export function routeOf(address: string): Route | null {
  const asked = /^[^#]*\/?\?(?:[^#]*&)?product=([^&#]+)/.exec(address);
  const match = asked?.[1] && !address.includes("#/") ? [address, "products", asked[1]] : /(?:\/shop|#)\/(articles|products)\/([^/?#]+)\/?(?:[?#].*)?$/.exec(address);
  if (!match?.[1] || !match[2]) return null;
  try {
    return { kind: match[1] as Route["kind"], id: decodeURIComponent(match[2]) };
  } catch {
    return null;
  }
}

/** An article's text as nodes: headings, lists and paragraphs; any markup in it stays literal. */
export function articleNodes(body: string, base: string, onLink?: LinkHandler): HTMLElement[] {
  const blocks = body.split(/\n\s*\n|\n(?=#{1,4} )|(?<=^#{1,4} .*)\n/m);
  return blocks.flatMap((block): HTMLElement[] => {
    const text = block.trim();
    if (!text) return [];
    const heading = /^#{1,4} (.+)$/.exec(text);
    if (heading?.[1]) return [h("h3", {}, heading[1])];
    const lines = text.split("\n");
    if (lines.every((line) => /^[-*] /.test(line))) {
      return [h("ul", {}, ...lines.map((line) => h("li", {}, ...richText(line.slice(2), base, onLink))))];
    }
    return [h("p", {}, ...richText(text, base, onLink))];
  });
}

/** Fetches what a route names, as nodes for the panel. */
export async function panelContent(route: Route, language: Language, ask: (product: Product) => void): Promise<Node[]> {
  if (route.kind === "articles") {
    const found = await article(route.id, language);
    return [h("h2", { id: "panel-title" }, found.title), ...articleNodes(found.body, document.baseURI, follow)];
  }
  const found = await productById(route.id, language);
  const price = money(found.price, found.currency, language);
  return [
    ...pictures(found, language),
    h("h2", { id: "panel-title" }, found.title),
    h("p", { class: "panel-facts" }, h("strong", {}, price ?? ""), h("span", {}, stockWords(found, language)), h("span", {}, starWords(found, language))),
    h("p", {}, found.text),
    h("button", { type: "button", class: "primary", on: { click: () => ask(found) } }, words(language, "ask")),
    ...details(found, language),
  ];
}

/** The picture, and a button for each colour that shows it in that colour. */
function pictures(found: Product, language: Language): HTMLElement[] {
  const address = safeUrl(found.image, document.baseURI);
  if (!address) return [];
  const image = h("img", { src: address, alt: "", width: 400, height: 400 });
  const buttons = found.colors.map((color) => {
    const picture = safeUrl(color.image, document.baseURI);
    const button = h("button", { type: "button", "aria-pressed": String(picture === address) }, color.label);
    button.addEventListener("click", () => {
      if (picture) image.src = picture;
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
    });
    return button;
  });
  return [image, ...(buttons.length > 1 ? [h("div", { class: "colors", role: "group", "aria-label": words(language, "colors") }, ...buttons)] : [])];
}

function details(found: Product, language: Language): HTMLElement[] {
  const rows = found.attributes.flatMap((one) => [h("dt", {}, one.label), h("dd", {}, one.value)]);
  const reviews = found.reviews.map((one) =>
    h("li", { lang: one.language === "zh" ? "zh-CN" : one.language || null }, h("span", { class: "review-stars", "aria-hidden": "true" }, "★".repeat(Math.round(one.stars))), h("span", { class: "only-heard" }, words(language, "stars", { n: one.stars })), ` ${one.text}`),
  );
  return [
    ...(rows.length ? [h("dl", {}, ...rows)] : []),
    ...(reviews.length ? [h("h3", {}, words(language, "reviews")), h("ul", { class: "reviews" }, ...reviews)] : []),
  ];
}

const FEW = 5;

export function stockWords({ stock }: Product, language: Language): string {
  if (stock === null) return "";
  if (stock <= 0) return words(language, "soldOut");
  return stock <= FEW ? words(language, "few", { n: stock }) : words(language, "inStock");
}

export function starWords({ rating }: Product, language: Language): string {
  return rating ? words(language, "stars", { n: Math.round(rating * 10) / 10 }) : "";
}
