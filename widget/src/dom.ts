import { segments, safeUrl } from "./links.ts";

type Child = Node | string | null | undefined | false;
type Props = Record<string, unknown>;

/**
 * Makes an element. Text only ever enters through text nodes; there is no way to pass markup.
 *
 * Props: `class`, `on` (listeners by event name), booleans set or leave out the attribute, null leaves it out.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value as Record<string, EventListener>)) {
        element.addEventListener(event, listener);
      }
    } else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of stroked paths on a 24 × 24 grid, hidden from screen readers. */
export function icon(paths: string, className = "icon"): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", class: className, "aria-hidden": "true", focusable: "false" })) {
    svg.setAttribute(name, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", paths);
  svg.append(path);
  return svg;
}

export const ICONS = {
  lantern: "M12 1.5v3M8 4.5h8M8 19.5h8M9 4.5q-8.5 7.5 0 15M15 4.5q8.5 7.5 0 15M10.5 4.5q-3 7.5 0 15M13.5 4.5q3 7.5 0 15M12 19.5v3",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-8-5 16-3.5-6.5zM11.5 13.5L20 4",
  menu: "M5 12h.01M12 12h.01M19 12h.01",
  down: "M6 9l6 6 6-6",
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  alert: "M12 8v5M12 16.5h.01M12 3l10 18H2z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5",
  page: "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
} as const;

/** Follows a link of a message; returning true means the page took care of it. */
export type LinkHandler = (href: string) => boolean;

/** A link with the allow-list applied, or plain text when the address is refused. */
export function link(text: string, address: unknown, base: string, onLink?: LinkHandler, className?: string): Node {
  const href = safeUrl(address, base);
  if (!href) return document.createTextNode(text);
  const foreign = new URL(href).origin !== new URL(base).origin;
  return h(
    "a",
    {
      href,
      class: className,
      rel: "noopener noreferrer nofollow",
      target: foreign ? "_blank" : null,
      on: {
        click: (event: Event) => {
          if (!foreign && onLink?.(href)) event.preventDefault();
        },
      },
    },
    text,
  );
}

/** Message text as nodes: line breaks stay (CSS pre-wrap), allowed links become anchors, everything else is literal. */
export function richText(text: string, base: string, onLink?: LinkHandler): Node[] {
  return segments(text, base).map((segment) =>
    segment.kind === "text" ? document.createTextNode(segment.text) : link(segment.text, segment.href, base, onLink),
  );
}

/** A style sheet shared by every shadow root that adopts it; strict CSP allows it, unlike a style element. */
export function sheet(css: string): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}
