import { toDate } from "../format.ts";
import type { Language, Session } from "../types.ts";
import type { Api } from "./api.ts";
import type { Storage } from "./storage.ts";

const GUEST = "guest";
const MARGIN_MS = 30_000;

/** One signed session a customer, kept over reloads; the server names the sender, never this script. */
export class Sessions {
  private pending: Promise<Session> | null = null;

  constructor(
    private readonly api: Api,
    private readonly storage: Storage,
    private readonly language: () => Language,
  ) {}

  get customerId(): string | null {
    return this.storage.read<string>("customer");
  }

  set customerId(id: string | null) {
    this.pending = null;
    if (id === null) this.storage.remove("customer");
    else this.storage.write("customer", id);
  }

  /** The stored session if it is still good, without asking the server. */
  stored(): Session | null {
    const session = this.storage.read<Session>(this.key());
    const expires = toDate(session?.expires_at);
    return session?.token && (!expires || expires.getTime() > Date.now() + MARGIN_MS) ? session : null;
  }

  /** The current session, made if there is none; concurrent callers share one request. */
  get(): Promise<Session> {
    const stored = this.stored();
    if (stored) return Promise.resolve(stored);
    const key = this.key();
    const request = (this.pending ??= this.api.session(this.customerId, this.language()).then((session) => {
      this.storage.write(key, session);
      return session;
    }));
    return request.finally(() => {
      if (this.pending === request) this.pending = null;
    });
  }

  /** Drops the current session, so that the next `get` makes a new one: an expired token, or starting over. */
  forget(): void {
    this.pending = null;
    this.storage.remove(this.key());
  }

  private key(): string {
    return `session:${this.customerId ?? GUEST}`;
  }
}
