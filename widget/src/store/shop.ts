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
  category: string | null;
  text: string;
}

export interface Article {
  title: string;
  body: string;
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
    category: typeof raw.category === "string" ? raw.category : null,
    text: String(raw.description ?? raw.text ?? ""),
  };
}

async function get(path: string): Promise<unknown> {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** The products that fit, best first. */
export async function products(language: Language, query: string, limit: number): Promise<Product[]> {
  const parameters = new URLSearchParams({ language, limit: String(limit) });
  if (query) parameters.set("q", query);
  const body = (await get(`/shop/products?${parameters}`)) as Loose[] | { items?: Loose[]; products?: Loose[] };
  return (Array.isArray(body) ? body : (body.items ?? body.products ?? [])).map(product);
}

export async function productById(id: string, language: Language): Promise<Product> {
  return product((await get(`/shop/products/${encodeURIComponent(id)}?language=${language}`)) as Loose);
}

export async function article(slug: string, language: Language): Promise<Article> {
  const raw = (await get(`/shop/articles/${encodeURIComponent(slug)}?language=${language}`)) as Loose;
  return { title: String(raw.title ?? slug), body: String(raw.body ?? raw.text ?? raw.content ?? "") };
}

/** The demo customers; none when the switch is off. */
export async function customers(): Promise<(Customer & { language?: string })[]> {
  try {
    return (await get("/webhooks/web/customers")) as Customer[];
  } catch {
    return []; // switched off: the page then serves guests only
  }
}
