/** One server-sent event, its data still text. */
export interface ServerEvent {
  event: string;
  data: string;
}

/** Cuts a stream of text into server-sent events; feed it pieces of any size. */
export class EventParser {
  private rest = "";
  private event = "";
  private data: string[] = [];

  feed(piece: string): ServerEvent[] {
    const found: ServerEvent[] = [];
    const text = this.rest + piece;
    // A carriage return at the very end may be half of a CRLF: wait for the next piece.
    const held = text.endsWith("\r") ? 1 : 0;
    const lines = text.slice(0, text.length - held).split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? "") + (held ? "\r" : "");
    for (const line of lines) {
      if (line === "") this.finish(found);
      else this.field(line);
    }
    return found;
  }

  private finish(found: ServerEvent[]): void {
    if (this.data.length || this.event) found.push({ event: this.event || "message", data: this.data.join("\n") });
    this.event = "";
    this.data = [];
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: the server keeps the connection alive
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.event = value;
    else if (name === "data") this.data.push(value);
  }
}
