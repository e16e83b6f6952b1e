import { h, icon, ICONS } from "../dom.ts";
import type { Conversation } from "./conversation.ts";
import type { Strings } from "./strings.ts";

/** The frame around the conversation: launcher, panel, header, banners and the question before starting over. */
export class Shell {
  readonly launcher: HTMLButtonElement;
  readonly panel: HTMLElement;
  readonly announcer = h("div", { class: "only-heard", role: "status" });
  private readonly closer: HTMLButtonElement;
  private readonly heading = h("h2", { id: "title" });
  private readonly subtitle = h("p", {});
  private readonly badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
  private readonly handoff = h("div", { class: "banner handoff", role: "status" });
  private readonly trouble = h("div", { class: "banner trouble", role: "status" });
  private readonly question = h("div", { class: "question", role: "alertdialog", "aria-labelledby": "ask", hidden: true });

  constructor(
    private readonly strings: Strings,
    parts: { menu: HTMLElement; thread: HTMLElement; composer: HTMLElement; toggle(): void; close(): void },
  ) {
    this.launcher = h(
      "button",
      { type: "button", class: "launcher", "aria-expanded": "false", "aria-controls": "panel", on: { click: parts.toggle } },
      icon(ICONS.lantern, "icon when-closed"),
      icon(ICONS.close, "icon when-open"),
      this.badge,
    );
    this.closer = h("button", { type: "button", class: "plain", on: { click: parts.close } }, icon(ICONS.close));
    const header = h(
      "div", // a header element in a dialog counts as the page's second banner
      { class: "head" },
      h("span", { class: "emblem" }, icon(ICONS.lantern)),
      h("div", { class: "titles" }, this.heading, this.subtitle),
      parts.menu,
      this.closer,
    );
    this.panel = h(
      "section",
      { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
      header,
      this.handoff,
      this.trouble,
      parts.thread,
      this.question,
      parts.composer,
    );
    this.relabel(0);
  }

  relabel(unread: number): void {
    this.heading.textContent = this.strings.get("title");
    this.subtitle.textContent = this.strings.get("subtitle");
    this.closer.setAttribute("aria-label", this.strings.get("close"));
    this.unread(unread);
  }

  opened(open: boolean): void {
    this.panel.hidden = !open;
    this.launcher.setAttribute("aria-expanded", String(open));
    this.launcher.classList.toggle("open", open);
    this.unread(0);
  }

  unread(count: number): void {
    const open = !this.panel.hidden;
    this.badge.hidden = open || count === 0;
    this.badge.textContent = count > 9 ? "9+" : String(count);
    const label = open ? this.strings.get("close") : count ? this.strings.get("openUnread", { n: count }) : this.strings.get("open");
    this.launcher.setAttribute("aria-label", label);
    if (!open && count) this.announcer.textContent = this.strings.get("newMessage");
  }

  /** Shows who answers and whether the server can be reached. */
  state(conversation: Pick<Conversation, "handoff" | "trouble">): void {
    const t = this.strings;
    const { handoff, trouble } = conversation;
    const signature = JSON.stringify([handoff, t.language]);
    if (this.handoff.dataset.shown !== signature) {
      this.handoff.dataset.shown = signature; // unchanged banners are not written again: they would be announced again
      this.handoff.replaceChildren(...(handoff ? handoffParts(handoff.position ?? 0, handoff.ticket, t) : []));
    }
    const words = trouble === "none" ? "" : t.get(trouble);
    if (this.trouble.dataset.shown === words) return;
    this.trouble.dataset.shown = words;
    this.trouble.replaceChildren(...(words ? [icon(ICONS.alert), h("span", {}, words)] : []));
  }

  /** Asks before the conversation is cleared. */
  ask(yes: () => void, back: () => void): void {
    const t = this.strings;
    const finish = (answer: () => void) => () => {
      this.question.hidden = true;
      answer();
    };
    const confirm = h("button", { type: "button", class: "primary", on: { click: finish(yes) } }, t.get("startOverYes"));
    const cancel = h("button", { type: "button", on: { click: finish(back) } }, t.get("cancel"));
    this.question.replaceChildren(h("p", { id: "ask" }, t.get("startOverAsk")), h("div", {}, confirm, cancel));
    this.question.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      finish(back)();
    };
    this.question.hidden = false;
    confirm.focus();
  }

  /** Keeps Tab inside the panel, for when it covers the whole screen. */
  trap(event: KeyboardEvent, root: ShadowRoot): void {
    const stops = [...this.panel.querySelectorAll<HTMLElement>("a[href], button, textarea, [tabindex='0']")].filter(
      (element) => element.tabIndex >= 0 && !element.hasAttribute("disabled") && element.checkVisibility(),
    );
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (root.activeElement !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  }
}

function handoffParts(position: number, ticket: string | null | undefined, t: Strings): Node[] {
  const details = [position > 0 ? t.get("position", { n: position }) : "", ticket ? t.get("ticket", { id: ticket }) : ""].filter(Boolean);
  return [
    icon(ICONS.person),
    h("strong", {}, t.get(position > 0 ? "inQueue" : "person")),
    details.length ? h("span", {}, details.join(" · ")) : h("span", {}),
  ];
}
