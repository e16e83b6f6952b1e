import type { ShoptalkChat } from "../chat/element.ts";
import { h, sheet } from "../dom.ts";
import css from "./inspector.css";
import { decidedBy, milliseconds, slotTables, timeSlices } from "./model.ts";
import type { Explanation, Inspection, Turn } from "./model.ts";
import { renderTurn } from "./turn.ts";

const styles = sheet(css);

/** `<shoptalk-inspector>`: what the assistant understood and why it did what it did, turn by turn. */
class ShoptalkInspector extends HTMLElement {
  private readonly root = this.attachShadow({ mode: "open" });
  private readonly strip = h("div", { class: "strip", role: "group", "aria-label": "Turns" });
  private readonly body = h("div", { class: "body", tabindex: 0, role: "region", "aria-label": "Turn" });
  private readonly about = h("p", { class: "about" });
  private readonly status = h("p", { class: "note", role: "status" });
  private chat: ShoptalkChat | null = null;
  private opener: HTMLElement | null = null;
  private inspection: Inspection | null = null;
  private shown = -1;
  private readonly refresh = (): void => void this.load();

  /** Shows the inspector of a chat. */
  start(chat: ShoptalkChat, opener: HTMLElement): void {
    this.chat = chat;
    this.opener = opener;
    this.root.adoptedStyleSheets = [styles];
    const close = h("button", { type: "button", class: "close", "aria-label": "Close the inspector", on: { click: () => this.stop() } }, "✕");
    const head = h("div", { class: "head" }, h("div", { class: "title" }, h("h2", { id: "title" }, "Inspector"), this.about), close);
    this.root.append(h("section", { class: "frame", "aria-labelledby": "title" }, head, this.strip, this.status, this.body));
    this.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("shoptalk:turn", this.refresh);
    document.addEventListener("shoptalk:session", this.refresh);
    opener.setAttribute("aria-expanded", "true");
    void this.load();
  }

  stop(): void {
    document.removeEventListener("shoptalk:turn", this.refresh);
    document.removeEventListener("shoptalk:session", this.refresh);
    this.opener?.setAttribute("aria-expanded", "false");
    this.opener?.focus();
    this.remove();
  }

  private async load(): Promise<void> {
    if (!this.chat) return;
    try {
      const session = await this.chat.session();
      const server = (this.chat.getAttribute("server") ?? "").replace(/\/$/, "");
      const response = await fetch(`${server}/webhooks/web/inspect`, { headers: { Authorization: `Bearer ${session.token}` }, cache: "no-store" });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      this.inspection = (await response.json()) as Inspection;
      this.shown = this.inspection.turns.length - 1;
      this.status.textContent = this.inspection.turns.length ? "" : "No turns yet. Say something in the chat: it shows up here at once.";
    } catch (error) {
      this.status.textContent = `The inspector could not load: ${error instanceof Error ? error.message : String(error)}. It tries again after the next turn.`;
    }
    this.draw();
  }

  private async explain(text: string): Promise<Explanation | null> {
    const { chat } = this;
    if (!chat) return null;
    const session = await chat.session();
    const server = (chat.getAttribute("server") ?? "").replace(/\/$/, "");
    const headers = { Authorization: `Bearer ${session.token}`, "Content-Type": "application/json" };
    const response = await fetch(`${server}/webhooks/web/explain`, { method: "POST", headers, body: JSON.stringify({ text }) });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return ((await response.json()) as { explain?: Explanation }).explain ?? null;
  }

  private draw(): void {
    const { inspection } = this;
    if (!inspection) return;
    const turns = inspection.turns;
    const loop = inspection.active_loop?.name;
    this.about.replaceChildren(
      h("code", {}, inspection.sender_id),
      ` · ${turns.length} ${turns.length === 1 ? "turn" : "turns"} · median ${milliseconds(median(turns))}`,
      loop ? h("span", { class: "loop" }, `in ${loop}`) : "",
    );
    const slowest = Math.max(1, ...turns.map((turn) => timeSlices(turn.timings_ms).total));
    this.strip.replaceChildren(...turns.map((turn, index) => this.bar(turn, index, slowest)));
    const turn = turns[this.shown];
    this.body.replaceChildren(...(turn ? renderTurn(turn, slotTables(inspection)[this.shown] ?? [], (text) => this.explain(text)) : []));
    this.body.scrollTop = 0;
    this.strip.children[this.shown]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** One turn in the strip: its height is its time (as a logarithm), its colour what decided it. */
  private bar(turn: Turn, index: number, slowest: number): HTMLElement {
    const { total } = timeSlices(turn.timings_ms);
    const kind = decidedBy(turn)?.kind ?? "none";
    const choose = (): void => {
      this.shown = index;
      this.draw();
      (this.strip.children[index] as HTMLElement | undefined)?.focus();
    };
    const fill = h("i", { class: `kind-${kind}` });
    fill.style.height = `${Math.max(12, (Math.log1p(total) / Math.log1p(slowest)) * 100)}%`;
    return h(
      "button",
      {
        type: "button",
        "aria-pressed": String(index === this.shown),
        "aria-label": `Turn ${index + 1}: ${turn.text ?? "nobody spoke"}, ${milliseconds(total)}, ${kind}`,
        title: `${turn.text ?? "nobody spoke"} · ${milliseconds(total)} · ${kind}`,
        on: { click: choose },
      },
      fill,
    );
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape") return this.stop();
    const step = event.key === "ArrowLeft" || event.key === "k" ? -1 : event.key === "ArrowRight" || event.key === "j" ? 1 : 0;
    const next = this.shown + step;
    if (!step || !this.inspection?.turns[next]) return;
    this.shown = next;
    const onStrip = this.root.activeElement?.parentElement === this.strip;
    this.draw();
    if (onStrip) (this.strip.children[next] as HTMLElement | undefined)?.focus();
  }
}

function median(turns: readonly Turn[]): number | null {
  const sorted = turns.map((turn) => timeSlices(turn.timings_ms).total).sort((a, b) => a - b);
  return sorted.length ? (sorted[Math.floor(sorted.length / 2)] ?? null) : null;
}

if (!customElements.get("shoptalk-inspector")) customElements.define("shoptalk-inspector", ShoptalkInspector);

/** Opens or closes the inspector; returns whether it is open now. */
export function toggleInspector(chat: ShoptalkChat, button: HTMLElement): boolean {
  const open = document.querySelector("shoptalk-inspector");
  if (open instanceof ShoptalkInspector) {
    open.stop();
    return false;
  }
  const made = document.createElement("shoptalk-inspector") as ShoptalkInspector;
  document.body.append(made);
  made.start(chat, button);
  return true;
}
