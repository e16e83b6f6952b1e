import type { Customer, Language } from "../types.ts";

/** A product as the page shows it. */
export interface Product {
  id: string;
  title: string;
  price: number | null;
  currency: string;
  image: string | null;
  stock: number | null;
  rating: number | null;
  text: string;
  /** Only when one product is asked for: */
  colors: { label: string; image: string | null }[];
  sizes: string[];
  attributes: { label: string; value: string }[];
  reviews: { stars: number; text: string; language: string }[];
}

export interface Article {
  title: string;
  body: string;
}

export interface ArticleTitle {
  slug: string;
  title: string;
  category: string;
}

type Loose = Record<string, unknown>;

/** Reads a product, whatever of the optional fields the shop gives. */
export function product(raw: Loose): Product {
  const number = (value: unknown): number | null => {
    const read = typeof value === "string" && value.trim() ? Number(value) : value;
    return typeof read === "number" && Number.isFinite(read) ? read : null;
  };
  return {
    id: String(raw.id ?? raw.sku ?? ""),
    title: String(raw.title ?? raw.name ?? ""),
    price: number(raw.price),
    currency: String(raw.currency ?? "EUR"),
    image: typeof raw.image === "string" ? raw.image : null,
    stock: number(raw.stock),
    rating: number(raw.rating),
    text: String(raw.description ?? raw.text ?? ""),
    colors: list(raw.colors).map((one) => ({ label: String(one.label ?? ""), image: typeof one.image === "string" ? one.image : null })),
    sizes: Array.isArray(raw.sizes) ? raw.sizes.map(String) : [],
    attributes: list(raw.attributes)
      .map((one) => ({ label: String(one.label ?? ""), value: String(one.value ?? "") }))
      .filter((one) => one.value),
    reviews: list(raw.reviews).map((one) => ({ stars: number(one.stars) ?? 0, text: String(one.text ?? ""), language: String(one.language ?? "") })),
  };
}

function list(value: unknown): Loose[] {
  return Array.isArray(value) ? value.filter((one): one is Loose => typeof one === "object" && one !== null) : [];
}

async function get(path: string): Promise<unknown> {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** The products that fit, best first. */
export async function products(language: Language, query: string, category: string, limit: number): Promise<Product[]> {
  const parameters = new URLSearchParams({ language, limit: String(limit) });
  if (query) parameters.set("q", query);
  if (category) parameters.set("category", category);
  return list(await get(`/shop/products?${parameters}`)).map(product);
}

export async function productById(id: string, language: Language): Promise<Product> {
  return product((await get(`/shop/products/${encodeURIComponent(id)}?language=${language}`)) as Loose);
}

/** The help centre's list. */
export async function articles(language: Language): Promise<ArticleTitle[]> {
  return (await get(`/shop/articles?language=${language}`)) as ArticleTitle[];
}

export async function article(slug: string, language: Language): Promise<Article> {
  const raw = (await get(`/shop/articles/${encodeURIComponent(slug)}?language=${language}`)) as Loose;
  return { title: String(raw.title ?? slug), body: String(raw.text ?? raw.body ?? "") };
}

/** The demo customers; none when the switch is off. */
export async function customers(): Promise<(Customer & { language?: string })[]> {
  try {
    return (await get("/webhooks/web/customers")) as Customer[];
  } catch {
    return []; // switched off: the page then serves guests only
  }
}
