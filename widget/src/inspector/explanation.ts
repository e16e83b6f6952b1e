import { h } from "../dom.ts";
import { entityText, milliseconds, shade } from "./model.ts";
import type { Explanation, Said } from "./model.ts";

const NEAREST_SHOWN = 4;

export type Explain = (text: string) => Promise<Explanation | null>;

/** A button that asks why, and the answer under it. */
export function why(text: string, explain: Explain): HTMLElement {
  const answer = h("div", { class: "answer", role: "status" });
  const button = h("button", { type: "button", class: "ask" }, "Why?");
  button.addEventListener("click", () => {
    button.disabled = true;
    answer.textContent = "Parsing it once more for every word …";
    explain(text)
      .then((found) => answer.replaceChildren(...(found ? explained(found) : [h("p", { class: "note" }, "There is nothing to explain.")])))
      .catch((error: unknown) => {
        answer.textContent = `No explanation: ${error instanceof Error ? error.message : String(error)}.`;
        button.disabled = false;
      });
  });
  return h("div", { class: "why-part" }, button, answer);
}

/** Words, limits, nearest examples, and what each component said. */
export function explained(found: Explanation): HTMLElement[] {
  return [weights(found), limits(found), nearest(found), said(found.steps ?? [])].filter((part): part is HTMLElement => part !== null);
}

function weights(found: Explanation): HTMLElement | null {
  if (!found.words.length) return null;
  const most = Math.max(0.01, ...found.words.flatMap((word) => Object.values(word.weights).map(Math.abs)));
  const lines = found.intents.map((intent) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, intent.name),
      h(
        "td",
        { class: "words", dir: "auto" },
        ...found.words.map((word) => {
          const weight = word.weights[intent.name] ?? 0;
          const piece = h("span", { class: weight < 0 ? "against" : "for", title: `${word.text}: ${signed(weight)}` }, word.text, h("sub", {}, Math.abs(weight) >= 0.005 ? signed(weight) : ""));
          piece.style.setProperty("--share", `${shade(weight, most)}%`);
          return piece;
        }),
      ),
    ),
  );
  return h(
    "div",
    {},
    h("h4", {}, "Words"),
    h("table", { class: "weights" }, h("tbody", {}, ...lines)),
    h("p", { class: "note" }, "What the confidence loses without the word: green speaks for the intent, red against it."),
  );
}

function limits(found: Explanation): HTMLElement | null {
  const names: Record<string, string> = { threshold: "asks back below", ambiguity_threshold: "asks which below a lead of", scope_threshold: "out of scope below" };
  const chips = Object.entries(found.thresholds ?? {})
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => h("span", { class: "chip" }, `${names[name] ?? name} ${percent(Number(value))}`));
  return chips.length ? h("div", {}, h("h4", {}, "Limits"), h("p", { class: "chips" }, ...chips)) : null;
}

function nearest(found: Explanation): HTMLElement | null {
  const rows = (found.nearest ?? []).slice(0, NEAREST_SHOWN).map((one) => h("tr", {}, h("td", { dir: "auto" }, one.text), h("td", { class: "soft word" }, one.intent), h("td", { class: "number" }, one.cosine.toFixed(2))));
  return rows.length ? h("div", {}, h("h4", {}, "Nearest examples"), h("table", {}, h("tbody", {}, ...rows))) : null;
}

function said(steps: readonly Said[]): HTMLElement | null {
  const rows = steps.map((step) => {
    const labels = (["sentiment", "urgency"] as const).map((key) => (step[key] ? `${key} ${step[key].label} ${percent(step[key].score)}` : null));
    const whole = new Set(["sentiment", "urgency"]);
    const parts = [
      step.intent ? `${step.intent.name} ${percent(step.intent.confidence)}` : null,
      ...(step.entities ?? []).filter((entity) => !whole.has(entity.entity)).map(entityText),
      step.read_as ? `read as “${step.read_as}”` : null,
      step.removed ? `took ${step.removed} away` : null,
      ...labels,
    ].filter((part): part is string => part !== null);
    return h("tr", { class: parts.length ? null : "silent" }, h("th", { scope: "row" }, step.component), h("td", {}, parts.join(" · ")), h("td", { class: "number" }, milliseconds(step.ms)));
  });
  return rows.length ? h("div", {}, h("h4", {}, "Who said what"), h("table", {}, h("tbody", {}, ...rows))) : null;
}

function signed(weight: number): string {
  return `${weight < 0 ? "−" : "+"}${(Math.abs(weight) * 100).toFixed(0)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
