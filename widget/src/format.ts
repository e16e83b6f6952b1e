import type { Language } from "./types.ts";

const LOCALE: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };

/** An amount in the shopper's notation; null when there is none to show. */
export function money(amount: unknown, currency: unknown, language: Language): string | null {
  const value = typeof amount === "string" ? Number(amount) : amount;
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  const code = typeof currency === "string" && /^[A-Za-z]{3}$/.test(currency) ? currency.toUpperCase() : "EUR";
  // currencyDisplay narrowSymbol keeps "€" in Chinese too, instead of "EUR".
  return new Intl.NumberFormat(LOCALE[language], { style: "currency", currency: code, currencyDisplay: "narrowSymbol" }).format(value);
}

/** Epoch seconds, epoch milliseconds or an ISO text as a Date; null for anything else. */
export function toDate(value: unknown): Date | null {
  if (typeof value === "number" && Number.isFinite(value)) return new Date(Math.abs(value) < 1e11 ? value * 1000 : value);
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}/.test(value)) return null;
  // A bare date means that day where the shopper is, not midnight UTC.
  const date = new Date(value.length === 10 ? `${value}T12:00:00` : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** "12 May", with the year only when it is another one; text that is no date is returned as it is. */
export function day(value: unknown, language: Language, now: Date = new Date()): string | null {
  const date = toDate(value);
  if (!date) return typeof value === "string" && value ? value : null;
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(LOCALE[language], { day: "numeric", month: language === "zh" ? "long" : "short", year }).format(date);
}

/** Hours and minutes of an epoch time in seconds. */
export function clock(at: number, language: Language): string {
  return new Intl.DateTimeFormat(LOCALE[language], { hour: "2-digit", minute: "2-digit" }).format(new Date(at * 1000));
}

/** Length as the server counts it: characters, not UTF-16 units. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function grouped(value: number, language: Language): string {
  return new Intl.NumberFormat(LOCALE[language]).format(value);
}
