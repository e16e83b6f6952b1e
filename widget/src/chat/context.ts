import type { LinkHandler } from "../dom.ts";
import type { Strings } from "./strings.ts";

/** What everything that renders needs to know. */
export interface Context {
  strings: Strings;
  /** The address relative links and images are resolved against. */
  base: string;
  onLink: LinkHandler;
  /** Sends a text; the shopper sees the title in its place. */
  say(text: string, title?: string): void;
}
