/** The web channel's HTTP contract, as the server speaks it. */

export type Language = "en" | "zh";

export interface Button {
  title: string;
  payload: string;
}

export interface ProductItem {
  id: string;
  title: string;
  price?: number | string | null;
  currency?: string | null;
  image?: string | null;
  stock?: number | string | null;
  rating?: number | null;
  url?: string | null;
}

export interface OrderStep {
  state: string;
  label?: string | null;
  at?: number | string | null;
  done: boolean;
}

export interface OrderDetails {
  id: string;
  state: string;
  label?: string | null;
  placed_at?: number | string | null;
  total?: number | string | null;
  currency?: string | null;
  eta?: number | string | null;
  carrier?: string | null;
  tracking_number?: string | null;
  items?: { title: string; quantity?: number; image?: string | null }[];
  steps?: OrderStep[];
}

export interface OrderRow {
  id: string;
  state: string;
  label?: string | null;
  placed_at?: number | string | null;
  total?: number | string | null;
  currency?: string | null;
  payload?: string | null;
  detail?: string | null;
}

export interface SourceItem {
  title: string;
  url?: string | null;
}

export interface Comparison {
  items: { title: string; image?: string | null; url?: string | null }[];
  rows: { label: string; values: unknown[] }[];
}

export interface Handoff {
  ticket?: string | null;
  position?: number | null;
  state?: string | null;
}

export type Custom =
  | { type: "product_cards"; items: ProductItem[]; text?: string }
  | { type: "order_timeline"; order: OrderDetails; text?: string }
  | { type: "orders"; items: OrderRow[]; text?: string }
  | { type: "sources"; items: SourceItem[]; text?: string }
  | ({ type: "comparison"; text?: string } & Comparison)
  | ({ type: "handoff"; text?: string } & Handoff);

export interface BotMessage {
  id?: string;
  text?: string;
  buttons?: Button[];
  image?: string;
  attachment?: unknown;
  custom?: Custom | { type?: string; [key: string]: unknown };
}

export interface HistoryEntry extends BotMessage {
  from: "user" | "bot";
  at: number;
}

export interface Customer {
  id: string;
  name: string;
}

export interface Session {
  token: string;
  sender_id: string;
  customer: Customer | null;
  expires_at?: number | string | null;
}

export interface ErrorBody {
  code: string;
  message: string;
  hint?: string;
  retry_after_s?: number;
}
