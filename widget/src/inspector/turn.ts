import { h } from "../dom.ts";
import { why } from "./explanation.ts";
import type { Explain } from "./explanation.ts";
import { eventLine, infoText, markEntities, milliseconds, timeSlices, turnLanguage } from "./model.ts";
import type { Entity, RasaEvent, Reason, SlotRow, Step, Turn } from "./model.ts";

const INTENTS_SHOWN = 5;

/** One turn, from the words to the milliseconds. */
export function renderTurn(turn: Turn, slots: readonly SlotRow[], explain: Explain): HTMLElement[] {
  return [said(turn), understood(turn, explain), decided(turn.steps ?? []), time(turn), slotTable(slots), events(turn.events ?? []), raw(turn)].filter(
    (part): part is HTMLElement => part !== null,
  );
}

function part(title: string, ...children: (Node | null)[]): HTMLElement {
  return h("section", {}, h("h3", {}, title), ...children);
}

function said(turn: Turn): HTMLElement {
  const { pieces, rest } = markEntities(turn.text ?? "(nobody spoke)", turn.parse?.entities ?? []);
  const language = turnLanguage(turn);
  const marked = pieces.map((piece) => (piece.entity ? mark(piece.text, piece.entity) : document.createTextNode(piece.text)));
  return h(
    "section",
    { class: "said" },
    h("p", { class: "text", dir: "auto" }, ...marked),
    h(
      "p",
      { class: "chips" },
      language ? h("span", { class: "chip" }, `language ${language}`) : null,
      ...rest.map((one) => h("span", { class: "chip" }, `${entityName(one)} = ${show(one.value)}`)),
      h("span", { class: "chip" }, turn.at ? new Date(turn.at * 1000).toLocaleTimeString() : ""),
    ),
  );
}

function mark(text: string, entity: Entity): HTMLElement {
  const meant = entity.additional_info ? infoText(entity.additional_info) : show(entity.value);
  const normal = meant === text ? "" : ` → ${meant}`;
  const sure = typeof entity.confidence_entity === "number" ? `, ${percent(entity.confidence_entity)}` : "";
  return h(
    "mark",
    { class: `hue-${hue(entity.entity)}`, title: `${entityName(entity)}${normal}${sure}${entity.extractor ? `, by ${entity.extractor}` : ""}` },
    text,
    h("span", { class: "label" }, entityName(entity) + normal),
  );
}

function entityName(entity: Entity): string {
  return entity.entity + (entity.role ? `:${entity.role}` : "") + (entity.group ? ` #${entity.group}` : "");
}

/** A colour of six for a name, always the same one. */
export function hue(name: string): number {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return sum % 6;
}

function understood(turn: Turn, explain: Explain): HTMLElement | null {
  const ranking = turn.parse?.intent_ranking?.length ? turn.parse.intent_ranking : turn.parse?.intent ? [turn.parse.intent] : [];
  if (!ranking.length) return null;
  const rows = ranking.slice(0, INTENTS_SHOWN).map((intent, index) => {
    const bar = h("i", {});
    bar.style.width = `${Math.round(intent.confidence * 1000) / 10}%`;
    return h(
      "li",
      { class: index ? null : "first" },
      h("span", { class: "intent" }, intent.name ?? "none", index === 1 ? h("em", {}, " runner-up") : null),
      h("span", { class: "track", "aria-hidden": "true" }, bar),
      h("span", { class: "number" }, percent(intent.confidence)),
    );
  });
  const lead = (ranking[0]?.confidence ?? 0) - (ranking[1]?.confidence ?? 0);
  const chosen = turn.parse?.intent?.name;
  const override = chosen && chosen !== ranking[0]?.name ? ` · taken: ${chosen}` : "";
  const note = h("p", { class: "note" }, `${percent(lead)} ahead of the runner-up${override}`);
  const typed = turn.text && !turn.text.startsWith("/") ? why(turn.text, explain) : null;
  return part("Intent", h("ol", { class: "intents" }, ...rows), note, typed);
}

function decided(steps: readonly Step[]): HTMLElement | null {
  if (!steps.length) return null;
  const rows = steps.map((step) =>
    h(
      "li",
      { class: step.action === "action_listen" ? "quiet" : null },
      h("span", { class: "action" }, step.action, step.outcome && step.outcome !== "done" ? h("em", { class: "outcome" }, ` ${step.outcome}`) : null),
      h("span", { class: "number" }, milliseconds(step.ms)),
      h(
        "span",
        { class: "why" },
        because(step.reason ?? null),
        step.policy ? h("span", {}, `${step.policy}${typeof step.confidence === "number" ? ` ${percent(step.confidence)}` : ""}`) : null,
      ),
      step.runner_up
        ? h("span", { class: "why" }, `runner-up: ${step.runner_up.action}${typeof step.runner_up.confidence === "number" ? ` ${percent(step.runner_up.confidence)}` : ""}`)
        : null,
    ),
  );
  return part("Decided", h("ol", { class: "steps" }, ...rows));
}

function because(reason: Reason | null): Node | null {
  if (!reason) return null;
  const where = reason.file ? `${reason.file}${reason.line ? `:${reason.line}` : ""}` : null;
  const copy = (event: Event): void => {
    const button = event.currentTarget as HTMLElement;
    void navigator.clipboard?.writeText(where ?? "").then(() => button.classList.add("copied"));
  };
  return h(
    "span",
    { class: "reason" },
    h("b", { class: `kind-${reason.kind}` }, reason.kind),
    reason.name ? h("q", {}, reason.name) : null,
    where ? h("button", { type: "button", class: "where", title: "Copy", on: { click: copy as EventListener } }, where) : null,
  );
}

function slotTable(rows: readonly SlotRow[]): HTMLElement | null {
  if (!rows.length) return null;
  const filled = rows.filter((row) => row.changed || (row.after !== null && row.after !== undefined));
  const empty = rows.length - filled.length;
  const lines = filled.map((row) =>
    h(
      "tr",
      { class: row.changed ? "changed" : null },
      h("th", { scope: "row" }, row.name),
      h("td", {}, row.changed ? h("del", {}, show(row.before)) : null, row.changed ? " → " : null, row.changed ? h("ins", {}, show(row.after)) : show(row.after)),
    ),
  );
  const note = empty ? h("p", { class: "note" }, `${empty} ${empty === 1 ? "slot is" : "slots are"} empty`) : null;
  const table = lines.length ? h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "slot"), h("th", { scope: "col" }, "value after the turn"))), h("tbody", {}, ...lines)) : null;
  return part("Slots", table, note);
}

function time(turn: Turn): HTMLElement | null {
  const { slices, total } = timeSlices(turn.timings_ms);
  if (!slices.length) return null;
  const bar = h("div", { class: "time", "aria-hidden": "true" });
  for (const slice of slices) {
    const piece = h("i", { class: `t-${slice.name}`, title: `${slice.name} ${milliseconds(slice.ms)}` });
    piece.style.flexGrow = String(Math.max(slice.share, 0.004));
    bar.append(piece);
  }
  const legend = slices.map((slice) => h("li", {}, h("i", { class: `t-${slice.name}` }), h("span", {}, slice.name), h("span", { class: "number" }, milliseconds(slice.ms))));
  return part(`Time · ${milliseconds(total)}`, bar, h("ul", { class: "legend" }, ...legend));
}

function events(list: readonly RasaEvent[]): HTMLElement | null {
  if (!list.length) return null;
  const rows = list.map((event) =>
    h("li", {}, h("details", {}, h("summary", {}, h("b", {}, event.event), " ", h("span", {}, eventLine(event))), json(event))),
  );
  return part(`Events · ${list.length}`, h("ol", { class: "events" }, ...rows));
}

function raw(turn: Turn): HTMLElement {
  return h("section", {}, h("details", {}, h("summary", {}, "The whole turn as JSON"), json(turn)));
}

function json(value: unknown): HTMLElement {
  return h("pre", { tabindex: 0 }, JSON.stringify(value, null, 2));
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0.9995 || share === 0 ? 0 : 1)} %`;
}
