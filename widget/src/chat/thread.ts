import { h, icon, ICONS } from "../dom.ts";
import type { Context } from "./context.ts";
import type { Item, Typing } from "./conversation.ts";
import { renderItem } from "./render.ts";

const NEAR_BOTTOM_PX = 80;

/**
 * The scrolling conversation.
 *
 * Finished messages live in a `role="log"` that announces them politely. A reply that is still streaming stands below
 * it, hidden from screen readers, and moves into the log when it is whole: it is announced once, not token by token.
 */
export class Thread {
  readonly element: HTMLElement;
  private readonly log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
  private readonly streaming = h("div", { class: "log streaming", "aria-hidden": "true" });
  private readonly dots = h("div", { class: "typing", hidden: true }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")));
  private readonly slow = h("span", { class: "slow", role: "status" });
  private readonly welcome = h("div", { class: "welcome" });
  private readonly latest: HTMLButtonElement;
  private readonly scroller: HTMLElement;

  constructor(
    private readonly context: Context,
    private readonly retry: (key: string) => void,
  ) {
    this.dots.append(this.slow);
    this.latest = h("button", { type: "button", class: "latest", hidden: true, on: { click: () => this.toBottom() } }, icon(ICONS.down));
    this.scroller = h("div", { class: "scroller", tabindex: 0, role: "region" }, this.welcome, this.log, this.streaming, this.dots);
    this.scroller.addEventListener("scroll", () => this.atBottom() && (this.latest.hidden = true), { passive: true });
    this.element = h("div", { class: "thread" }, this.scroller, this.latest);
    // Pictures and cards grow after they are in: stay at the end if that is where the reader was.
    let wasAtBottom = true;
    this.scroller.addEventListener("scroll", () => (wasAtBottom = this.atBottom()), { passive: true });
    new ResizeObserver(() => wasAtBottom && this.toBottom(false)).observe(this.log);
  }

  /** Draws everything anew, silently: history and a change of language are no news. */
  reset(items: readonly Item[]): void {
    const t = this.context.strings;
    this.scroller.setAttribute("aria-label", t.get("conversation"));
    this.log.setAttribute("aria-label", t.get("conversation"));
    this.latest.setAttribute("aria-label", t.get("latest"));
    this.log.setAttribute("aria-live", "off");
    const lastUser = items.findLastIndex((item) => item.from === "user");
    this.log.replaceChildren(...items.filter((item) => !item.streaming).map((item) => this.render(item, items.indexOf(item) > lastUser)));
    this.streaming.replaceChildren(...items.filter((item) => item.streaming).map((item) => this.render(item, true)));
    this.greet(items.length === 0);
    setTimeout(() => this.log.setAttribute("aria-live", "polite"), 200);
    this.toBottom(false);
  }

  /** Draws one new or changed item. */
  update(item: Item): void {
    const follow = item.from === "user" || this.atBottom();
    this.greet(false);
    const old = [...this.log.children, ...this.streaming.children].find((element) => element.getAttribute("data-key") === item.key);
    if (item.streaming && old) {
      const bubble = old.querySelector(".bubble");
      if (bubble) bubble.textContent = item.text;
    } else {
      this.place(item, old);
    }
    if (follow) this.toBottom();
    else this.latest.hidden = false;
  }

  focus(): void {
    this.scroller.focus({ preventScroll: true });
  }

  typing(typing: Typing): void {
    const follow = this.atBottom();
    this.dots.hidden = typing === "off";
    this.slow.textContent = typing === "slow" ? this.context.strings.get("slow") : "";
    if (follow && typing !== "off") this.toBottom();
  }

  /** Moves the reader to the end. */
  toBottom(smooth = true): void {
    const still = !smooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: still ? "instant" : "smooth" });
    this.latest.hidden = true;
  }

  private place(item: Item, old: Element | undefined): void {
    // Answering makes earlier quick answers stale.
    if (item.from === "user" && !old) this.log.querySelectorAll(".quick").forEach((row) => row.remove());
    const fresh = this.render(item, true);
    if (old?.parentElement === this.log && !item.streaming) {
      const focused = old.contains(focusedIn(this.log));
      old.replaceWith(fresh);
      if (focused) this.scroller.focus();
      return;
    }
    // It was on screen while it streamed: no second entrance.
    if (old) fresh.classList.add("settled");
    old?.remove();
    (item.streaming ? this.streaming : this.log).append(fresh);
  }

  private render(item: Item, active: boolean): HTMLElement {
    return renderItem(item, active, this.context, this.retry);
  }

  private greet(on: boolean): void {
    this.welcome.hidden = !on;
    if (!on) return;
    const t = this.context.strings;
    const suggestions = t.get("suggestions").split("|").filter(Boolean);
    this.welcome.replaceChildren(
      h("div", { class: "emblem" }, icon(ICONS.lantern)),
      h("p", { class: "welcome-title" }, t.get("welcome")),
      h("p", {}, t.get("welcomeMore")),
      h("ul", {}, ...suggestions.map((text) => h("li", {}, h("button", { type: "button", on: { click: () => this.context.say(text) } }, text)))),
    );
  }

  private atBottom(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollTop + clientHeight >= scrollHeight - NEAR_BOTTOM_PX;
  }
}

function focusedIn(element: Element): Element | null {
  return (element.getRootNode() as ShadowRoot | Document).activeElement;
}
