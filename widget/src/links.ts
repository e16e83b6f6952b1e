/** A stretch of a message: plain text, or a link that passed the allow-list. */
export type Segment = { kind: "text"; text: string } | { kind: "link"; text: string; href: string };

/**
 * The address if it may be followed or loaded, else null: http, https or relative to `base`, without credentials.
 *
 * Control characters are refused before parsing, because URL parsers drop some of them silently
 * ("java\nscript:") and what one sees would not be what one gets.
 */
export function safeUrl(address: unknown, base: string): string | null {
  if (typeof address !== "string" || !address.trim() || /[\u0000-\u001f\u007f\\]/.test(address)) return null;
  let url: URL;
  try {
    url = new URL(address.trim(), base);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  return url.username || url.password ? null : url.href;
}

// [title](address), or a bare http(s) address that ends before closing punctuation, Western or Chinese.
const LINK = /\[([^\][\n]{1,200})\]\(([^()\s]{1,500})\)|(https?:\/\/[^\s<>"'`（）《》「」，。；！？、]{1,500})/gi;
const TRAILING = /[.,;:!?)\]}]+$/;

/** Splits a message into text and links; whatever is not an allowed link stays literal text. */
export function segments(text: string, base: string): Segment[] {
  const found: Segment[] = [];
  let end = 0;
  const plain = (upTo: number): void => {
    if (upTo > end) found.push({ kind: "text", text: text.slice(end, upTo) });
  };
  for (const match of text.matchAll(LINK)) {
    const bare = match[3]?.replace(TRAILING, "");
    const href = safeUrl(bare ?? match[2], base);
    if (!href) continue;
    plain(match.index);
    found.push({ kind: "link", text: bare ?? match[1] ?? href, href });
    end = match.index + (bare ?? match[0]).length;
  }
  plain(text.length);
  return found;
}
