import { EventParser } from "../sse.ts";
import type { BotMessage, Customer, ErrorBody, HistoryEntry, Language, Session } from "../types.ts";

/** A refusal of the server or a failure on the way to it. `status` 0 means the server was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether the same request may well succeed later. */
  get transient(): boolean {
    return this.status === 0 || this.status >= 500 || [408, 425, 429].includes(this.status) || this.retryAfterS !== null;
  }
}

export type TurnEvent =
  | { kind: "typing" }
  | { kind: "alive" }
  | { kind: "delta"; id: string; text: string }
  | { kind: "message"; message: BotMessage }
  | { kind: "done"; turnMs: number | null };

export interface Outgoing {
  message_id: string;
  text: string;
  language: Language;
}

/** The web channel over HTTP: sessions, history, and one message with its stream of replies. */
export class Api {
  constructor(
    private readonly server: string,
    private readonly fetcher: typeof fetch = (...args) => fetch(...args),
  ) {}

  session(customerId: string | null, language: Language): Promise<Session> {
    return this.json<Session>("/webhooks/web/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ customer_id: customerId, language }),
    });
  }

  async history(token: string): Promise<HistoryEntry[]> {
    const body = await this.json<{ messages?: HistoryEntry[] }>("/webhooks/web/history", { headers: bearer(token) });
    return body.messages ?? [];
  }

  customers(): Promise<Customer[]> {
    return this.json<Customer[]>("/webhooks/web/customers", {});
  }

  /** Sends a message and yields what comes back, until `done`; a stream cut before that is an ApiError. */
  async *send(token: string, message: Outgoing, signal: AbortSignal): AsyncGenerator<TurnEvent> {
    const response = await this.request("/webhooks/web/message", {
      method: "POST",
      headers: { ...bearer(token), "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify(message),
      signal,
    });
    if (!response.body) throw new ApiError(0, "no_stream", "the reply has no body");
    const parser = new EventParser();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read().catch((error: unknown) => {
          throw new ApiError(0, "cut", String(error));
        });
        if (done) throw new ApiError(0, "cut", "the reply ended before it was complete");
        yield { kind: "alive" };
        for (const event of parser.feed(decoder.decode(value, { stream: true }))) {
          const read = turnEvent(event.event, event.data);
          if (read) yield read;
          if (read?.kind === "done") return;
        }
      }
    } finally {
      reader.cancel().catch(() => undefined);
    }
  }

  private async json<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.request(path, init);
    try {
      return (await response.json()) as T;
    } catch {
      throw new ApiError(0, "bad_json", `${path} did not answer with JSON`);
    }
  }

  private async request(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.fetcher(this.server + path, { credentials: "omit", cache: "no-store", ...init });
    } catch (error) {
      throw new ApiError(0, "unreachable", String(error));
    }
    if (response.ok) return response;
    throw await refusal(response);
  }
}

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

async function refusal(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as { error?: ErrorBody } | null;
  const header = Number(response.headers.get("Retry-After") ?? NaN);
  const wait = body?.error?.retry_after_s ?? (Number.isFinite(header) ? header : null);
  return new ApiError(response.status, body?.error?.code ?? "http", body?.error?.message ?? response.statusText, wait);
}

/** Reads one server-sent event; unknown kinds and broken data are skipped, so that the channel can grow. */
export function turnEvent(kind: string, data: string): TurnEvent | null {
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(data || "{}") as Record<string, unknown>;
  } catch {
    return null;
  }
  switch (kind) {
    case "typing":
      return { kind };
    case "delta":
      return { kind, id: String(body.id ?? ""), text: String(body.text ?? "") };
    case "message":
      return { kind, message: body as BotMessage };
    case "done":
      return { kind, turnMs: typeof body.turn_ms === "number" ? body.turn_ms : null };
    case "error": {
      const wait = typeof body.retry_after_s === "number" ? body.retry_after_s : null;
      throw new ApiError(400, String(body.code ?? "error"), String(body.message ?? ""), wait);
    }
    default:
      return null;
  }
}
