import { h, icon, ICONS } from "../dom.ts";
import { characters, grouped } from "../format.ts";
import type { Strings } from "./strings.ts";

export const MAX_CHARACTERS = 2000;
const COUNT_FROM = 1600;
const MAX_HEIGHT_PX = 140;

/** Where the shopper writes: Enter sends, Shift+Enter breaks the line, a counter appears near the limit. */
export class Composer {
  readonly element: HTMLFormElement;
  readonly input = h("textarea", { rows: 1, id: "message", autocomplete: "off", enterkeyhint: "send", dir: "auto", "aria-describedby": "counter" });
  private readonly label = h("label", { class: "only-heard", for: "message" });
  private readonly counter = h("p", { class: "counter", id: "counter", role: "status" });
  private readonly button = h("button", { type: "submit", class: "send" }, icon(ICONS.send));

  constructor(
    private readonly strings: Strings,
    private readonly send: (text: string) => void,
  ) {
    this.element = h("form", { class: "composer" }, this.label, this.input, this.button, this.counter);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener("input", () => this.update());
    this.input.addEventListener("keydown", (event) => {
      // While an input method composes (Chinese!), Enter picks a candidate. 229 is Safari's way to say it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit();
    });
    this.relabel();
  }

  relabel(): void {
    this.label.textContent = this.strings.get("message");
    this.input.placeholder = this.strings.get("placeholder");
    this.button.setAttribute("aria-label", this.strings.get("send"));
    this.update();
  }

  /** Puts a text in, for the shopper to finish. */
  prefill(text: string): void {
    this.input.value = text;
    this.update();
    this.input.focus();
    this.input.setSelectionRange(text.length, text.length);
  }

  private submit(): void {
    const text = this.input.value.trim();
    if (!text || characters(text) > MAX_CHARACTERS) return;
    this.input.value = "";
    this.update();
    this.send(text);
  }

  private update(): void {
    const text = this.input.value;
    const count = characters(text.trim());
    const over = count - MAX_CHARACTERS;
    const { language } = this.strings;
    // Too much is said, not cut: nobody's pasted text disappears unseen.
    this.counter.classList.toggle("over", over > 0);
    if (over > 0) this.counter.textContent = this.strings.get("tooLong", { n: grouped(over, language) });
    else if (count < COUNT_FROM) this.counter.textContent = "";
    else this.counter.textContent = this.strings.get("counter", { n: grouped(count, language), max: grouped(MAX_CHARACTERS, language) });
    this.input.setAttribute("aria-invalid", String(over > 0));
    this.button.disabled = count === 0 || over > 0;
    this.input.style.height = "auto";
    if (this.input.scrollHeight) this.input.style.height = `${Math.min(this.input.scrollHeight + 2, MAX_HEIGHT_PX)}px`;
  }
}
