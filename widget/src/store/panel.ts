import { h, richText } from "../dom.ts";
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

/** Reads "/shop/articles/x" of an address or "#/articles/x" of the page. */
export function routeOf(address: string): Route | null {
  const match = /(?:\/shop|#)\/(articles|products)\/([^/?#]+)\/?(?:[?#].*)?$/.exec(address);
  if (!match?.[1] || !match[2]) return null;
  try {
    return { kind: match[1] as Route["kind"], id: decodeURIComponent(match[2]) };
  } catch {
    return null;
  }
}

/** An article's text as nodes: headings, lists and paragraphs; any markup in it stays literal. */
export function articleNodes(body: string, base: string): HTMLElement[] {
  const blocks = body.split(/\n\s*\n|\n(?=#{1,4} )|(?<=^#{1,4} .*)\n/m);
  return blocks.flatMap((block): HTMLElement[] => {
    const text = block.trim();
    if (!text) return [];
    const heading = /^#{1,4} (.+)$/.exec(text);
    if (heading?.[1]) return [h("h3", {}, heading[1])];
    const lines = text.split("\n");
    if (lines.every((line) => /^[-*] /.test(line))) {
      return [h("ul", {}, ...lines.map((line) => h("li", {}, ...richText(line.slice(2), base))))];
    }
    return [h("p", {}, ...richText(text, base))];
  });
}

/** Fetches what a route names, as nodes for the panel. */
export async function panelContent(route: Route, language: Language, ask: (product: Product) => void): Promise<Node[]> {
  if (route.kind === "articles") {
    const found = await article(route.id, language);
    return [h("h2", { id: "panel-title" }, found.title), ...articleNodes(found.body, document.baseURI)];
  }
  const found = await productById(route.id, language);
  const price = money(found.price, found.currency, language);
  const image = safeUrl(found.image, document.baseURI);
  return [
    image ? h("img", { src: image, alt: "", width: 400, height: 400 }) : h("span"),
    h("h2", { id: "panel-title" }, found.title),
    h("p", { class: "panel-facts" }, h("strong", {}, price ?? ""), h("span", {}, stockWords(found, language)), h("span", {}, starWords(found, language))),
    h("p", { class: "pre" }, found.text),
    h("button", { type: "button", class: "primary", on: { click: () => ask(found) } }, words(language, "ask")),
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
