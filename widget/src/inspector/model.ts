/** What the inspector shows, worked out from the server's answer; no DOM here. */

export interface Entity {
  entity: string;
  value: unknown;
  start?: number;
  end?: number;
  role?: string | null;
  group?: string | null;
  confidence_entity?: number;
  extractor?: string;
  /** What EntityNormalizer made of it, as Duckling writes values. */
  additional_info?: Info;
}

export interface Info {
  type: string;
  value?: unknown;
  unit?: string;
  grain?: string;
  from?: Info;
  to?: Info;
}

/** What one component changed in a message. */
export interface Said {
  component: string;
  ms: number;
  intent?: { name: string | null; confidence: number };
  entities?: { entity: string; text: string; value: unknown; role?: string; additional_info?: Info }[];
  removed?: number;
  read_as?: string;
  sentiment?: { label: string; score: number };
  urgency?: { label: string; score: number };
}

export interface Explanation {
  intents: { name: string; confidence: number }[];
  margin: number | null;
  thresholds: Record<string, number | null>;
  nearest: { text: string; intent: string; cosine: number }[];
  words: { text: string; start: number; end: number; weights: Record<string, number> }[];
  steps?: Said[];
}

/** Entities that say something of the message as a whole. */
const WHOLE = new Set(["language", "sentiment", "urgency"]);
/** What needs no telling. */
const PLAIN = new Set(["neutral", "normal"]);

export interface Reason {
  kind: string;
  name?: string | null;
  file?: string | null;
  line?: number | null;
}

export interface Step {
  action: string;
  policy?: string | null;
  confidence?: number | null;
  reason?: Reason | null;
  ms?: number | null;
  /** done, rejected or failed */
  outcome?: string;
  runner_up?: { action: string; policy?: string | null; confidence?: number | null } | null;
}

export interface RasaEvent {
  event: string;
  name?: string | null;
  value?: unknown;
  [key: string]: unknown;
}

export interface Turn {
  /** Null when no one spoke: a reminder or an intent from outside. */
  text: string | null;
  at?: number;
  parse?: {
    intent?: { name: string | null; confidence: number };
    intent_ranking?: { name: string; confidence: number }[];
    entities?: Entity[];
    language?: string;
    [key: string]: unknown;
  } | null;
  steps?: Step[];
  events?: RasaEvent[];
  timings_ms?: Record<string, number>;
}

export interface Inspection {
  sender_id: string;
  slots: Record<string, unknown>;
  active_loop?: { name?: string | null } | null;
  turns: Turn[];
}

export type Piece = { text: string; entity?: Entity };

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** The text cut at its entities, in order; overlapping and unplaced ones come back in `rest`. */
export function markEntities(text: string, entities: readonly Entity[]): { pieces: Piece[]; rest: Entity[] } {
  // Offsets count characters as Python does; a JavaScript string counts UTF-16 units, so emoji would shift the marks.
  const characters = [...text];
  const placed = entities
    .filter((one) => !WHOLE.has(one.entity) && typeof one.start === "number" && typeof one.end === "number" && one.end > one.start)
    .sort((a, b) => (a.start ?? 0) - (b.start ?? 0) || (b.end ?? 0) - (a.end ?? 0));
  const pieces: Piece[] = [];
  const rest: Entity[] = entities.filter((one) => one.entity !== "language" && !placed.includes(one) && !(WHOLE.has(one.entity) && PLAIN.has(String(one.value))));
  let at = 0;
  for (const entity of placed) {
    const { start = 0, end = 0 } = entity;
    if (start < at || end > characters.length) {
      // Two extractors often find the same: once is enough.
      if (!pieces.some((piece) => piece.entity?.entity === entity.entity && same(piece.entity.value, entity.value))) rest.push(entity);
      continue;
    }
    if (start > at) pieces.push({ text: characters.slice(at, start).join("") });
    pieces.push({ text: characters.slice(start, end).join(""), entity });
    at = end;
  }
  if (at < characters.length) pieces.push({ text: characters.slice(at).join("") });
  return { pieces, rest };
}

/** A normalised value in few words: `60 EUR`, `2026-03-13`, `… to 100 EUR`. */
export function infoText(info: Info): string {
  if (info.type === "interval") return `${edge(info.from)} to ${edge(info.to)}`;
  return edge(info);
}

function edge(info: Info | undefined): string {
  if (!info) return "…";
  const value = typeof info.value === "string" ? info.value.replace(/T00:00:00\.000.*$/, "") : String(info.value);
  const grain = info.grain && info.grain !== "day" ? ` (${info.grain})` : "";
  return value + (info.unit ? ` ${info.unit}` : "") + grain;
}

/** An entity with what it means. */
export function entityText(one: { entity: string; text?: string; value: unknown; role?: string | null; additional_info?: Info }): string {
  const name = one.entity + (one.role ? `:${one.role}` : "");
  return `${name} = ${one.additional_info ? infoText(one.additional_info) : typeof one.value === "string" ? one.value : JSON.stringify(one.value)}`;
}

/** How strongly a weight is coloured, in percent of the strongest of the message. */
export function shade(weight: number, strongest: number): number {
  return Math.round(Math.min(1, Math.abs(weight) / strongest) * 70);
}

/** The language of a turn: from the parse result, or from the entity the pipeline sets. */
export function turnLanguage(turn: Turn): string | null {
  const entity = turn.parse?.entities?.find((one) => one.entity === "language")?.value;
  const metadata = (turn.parse?.metadata ?? {}) as { language?: unknown };
  const found = turn.parse?.language ?? metadata.language ?? entity;
  return typeof found === "string" ? found : null;
}

export interface SlotRow {
  name: string;
  before: unknown;
  after: unknown;
  changed: boolean;
}

/** The slots after each turn, newest last: the current ones taken back through the events, turn by turn. */
export function slotTables(inspection: Inspection): SlotRow[][] {
  const after: Record<string, unknown> = { ...inspection.slots };
  const tables: SlotRow[][] = [];
  for (const [index, turn] of [...inspection.turns.entries()].reverse()) {
    const set = new Set((turn.events ?? []).filter((one) => one.event === "slot" && one.name).map((one) => String(one.name)));
    const earlier = inspection.turns.slice(0, index);
    const rows = [...new Set([...Object.keys(after), ...set])].map((name) => {
      const before = set.has(name) ? lastValue(name, earlier) : after[name];
      return { name, before, after: after[name] ?? null, changed: set.has(name) && !same(before, after[name]) };
    });
    for (const row of rows) after[row.name] = row.before;
    tables.unshift(rows.sort((a, b) => Number(b.changed) - Number(a.changed) || Number(a.after === null) - Number(b.after === null) || a.name.localeCompare(b.name)));
  }
  return tables;
}

function lastValue(name: string, turns: readonly Turn[]): unknown {
  for (let i = turns.length - 1; i >= 0; i--) {
    const found = turns[i]?.events?.findLast((one) => one.event === "slot" && one.name === name);
    if (found) return found.value ?? null;
  }
  return null;
}

export interface Slice {
  name: string;
  ms: number;
  share: number;
}

/** The steps of a turn as shares of the whole; what no step accounts for is "other". */
export function timeSlices(timings: Record<string, number> | undefined): { slices: Slice[]; total: number } {
  const steps = Object.entries(timings ?? {}).filter(([name, ms]) => name !== "total" && ms > 0);
  const sum = steps.reduce((whole, [, ms]) => whole + ms, 0);
  const total = Math.max(timings?.total ?? sum, sum);
  const slices = steps.map(([name, ms]) => ({ name, ms, share: total ? ms / total : 0 }));
  const other = total - sum;
  if (other > 0.05) slices.push({ name: "other", ms: other, share: other / total });
  return { slices, total };
}

/** Milliseconds as people read them. */
export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 100 ? Math.round(ms) : ms.toFixed(1)} ms`;
}

/** What decided the turn: the reason of the first step that is not waiting, else of any. */
export function decidedBy(turn: Turn): Reason | null {
  const reasoned = turn.steps?.filter((one) => one.reason) ?? [];
  return (reasoned.find((one) => one.action !== "action_listen") ?? reasoned[0])?.reason ?? null;
}

/** One line about an event. */
export function eventLine(event: RasaEvent): string {
  switch (event.event) {
    case "slot":
      return `${event.name} = ${JSON.stringify(event.value ?? null)}`;
    case "action":
      return `${event.name ?? ""}${event.policy ? `  ← ${String(event.policy)}` : ""}`;
    case "user":
    case "bot":
      return String(event.text ?? "");
    default:
      return String(event.name ?? event.action ?? "");
  }
}
