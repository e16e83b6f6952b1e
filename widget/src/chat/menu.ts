import { h, icon, ICONS } from "../dom.ts";
import { target } from "./quick.ts";

export interface MenuEntry {
  label: string;
  lang?: string;
  run(): void;
}

/** A menu button: opens on click or arrow, arrows move, Esc closes and gives the focus back. */
export class Menu {
  readonly element = h("div", { class: "menu-holder" });
  private readonly button: HTMLButtonElement;
  private readonly list = h("div", { class: "menu", role: "menu", id: "menu", hidden: true });

  constructor(private readonly entries: () => MenuEntry[]) {
    this.button = h("button", { type: "button", class: "plain", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": "menu" }, icon(ICONS.menu));
    this.button.addEventListener("click", () => (this.list.hidden ? this.open() : this.close()));
    this.button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      this.open();
    });
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget as Node | null)) this.hide();
    });
    this.element.append(this.button, this.list);
  }

  label(text: string): void {
    this.button.setAttribute("aria-label", text);
    this.list.setAttribute("aria-label", text);
  }

  private open(): void {
    this.list.replaceChildren(
      ...this.entries().map((entry) => {
        const run = (): void => {
          this.close();
          entry.run();
        };
        return h("button", { type: "button", role: "menuitem", tabindex: -1, lang: entry.lang, on: { click: run } }, entry.label);
      }),
    );
    this.list.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    (this.list.firstElementChild as HTMLElement | null)?.focus();
  }

  private close(): void {
    this.hide();
    this.button.focus();
  }

  private hide(): void {
    this.list.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  private key(event: KeyboardEvent): void {
    const items = [...this.list.children] as HTMLElement[];
    if (event.key === "Escape" || event.key === "Tab") {
      event.stopPropagation(); // Esc closes the menu first, the chat only after it
      this.close();
      if (event.key === "Escape") event.preventDefault();
      return;
    }
    const next = target(event.key, items.indexOf(event.target as HTMLElement), items.length, false);
    if (next === null) return;
    event.preventDefault();
    items[next]?.focus();
  }
}
