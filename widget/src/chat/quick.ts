import { h } from "../dom.ts";
import type { Button } from "../types.ts";
import type { Context } from "./context.ts";

/** A row of quick answers: one tab stop, arrows move within, Home and End to the ends. */
export function quickButtons(buttons: readonly Button[], context: Context): HTMLElement {
  const made = buttons.map((button, index) =>
    h(
      "button",
      {
        type: "button",
        class: "quick-button",
        tabindex: index === 0 ? 0 : -1,
        dir: "auto",
        on: { click: () => context.say(button.payload, button.title) },
      },
      button.title,
    ),
  );
  const row = h("div", { class: "quick", role: "group", "aria-label": context.strings.get("quick") }, ...made);
  row.addEventListener("keydown", (event) => {
    const at = made.indexOf(event.target as HTMLButtonElement);
    const next = target(event.key, at, made.length, getComputedStyle(row).direction === "rtl");
    if (at < 0 || next === null) return;
    event.preventDefault();
    made.forEach((button, index) => (button.tabIndex = index === next ? 0 : -1));
    made[next]?.focus();
  });
  return row;
}

/** Where a key leads in a row of `count`, wrapping around; null when the key is not one of ours. */
export function target(key: string, at: number, count: number, rightToLeft: boolean): number | null {
  const forward = rightToLeft ? "ArrowLeft" : "ArrowRight";
  const back = rightToLeft ? "ArrowRight" : "ArrowLeft";
  if (key === forward || key === "ArrowDown") return (at + 1) % count;
  if (key === back || key === "ArrowUp") return (at + count - 1) % count;
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}
