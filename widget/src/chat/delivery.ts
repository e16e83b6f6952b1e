import { ApiError } from "./api.ts";
import type { Api, Outgoing, TurnEvent } from "./api.ts";
import type { Sessions } from "./session.ts";

export const RETRY_DELAYS_MS = [800, 2_000, 4_000, 8_000, 15_000];
const LONGEST_WAIT_MS = 60_000;
/** A stream this long without a byte is taken for dead, and the message is sent again under the same id. */
export const STALL_MS = 45_000;

/** What the surroundings do for a delivery; tests give their own clock and network state. */
export interface World {
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  online(): boolean;
  untilOnline(signal: AbortSignal): Promise<void>;
}

export interface Progress {
  /** An attempt starts: replies of an earlier, broken one will be told again from the first. */
  attempt(number: number): void;
  event(event: TurnEvent): void;
  waiting(why: "offline" | "unavailable"): void;
}

/**
 * Delivers one message: tries again under the same message_id until the turn is done, so nothing is lost or doubled.
 *
 * Raises:
 *   ApiError: the server refused for good, or all attempts are used up.
 */
export async function deliver(
  message: Outgoing,
  api: Api,
  sessions: Sessions,
  world: World,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  let renewed = false;
  for (let attempt = 0; ; attempt++) {
    if (!world.online()) {
      progress.waiting("offline");
      await world.untilOnline(signal);
    }
    signal.throwIfAborted();
    progress.attempt(attempt);
    try {
      const session = await sessions.get();
      await streamTurn(api, session.token, message, progress, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401 && !renewed) {
        renewed = true; // the token ran out: a new one, once
        sessions.forget();
        continue;
      }
      const delay = RETRY_DELAYS_MS[attempt];
      if (!error.transient || delay === undefined) throw error;
      progress.waiting(world.online() ? "unavailable" : "offline");
      const asked = error.retryAfterS === null ? 0 : error.retryAfterS * 1000;
      await world.sleep(Math.min(Math.max(delay, asked), LONGEST_WAIT_MS), signal);
    }
  }
}

async function streamTurn(
  api: Api,
  token: string,
  message: Outgoing,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const stall = new AbortController();
  const both = AbortSignal.any([signal, stall.signal]);
  let timer = setTimeout(() => stall.abort(), STALL_MS);
  try {
    for await (const event of api.send(token, message, both)) {
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), STALL_MS);
      if (event.kind !== "alive") progress.event(event);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The browser as the surroundings of deliveries. */
export const browserWorld: World = {
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        removeEventListener("online", finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      addEventListener("online", finish); // back on the network: no need to sit the delay out
      signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
    }),
  online: () => navigator.onLine,
  untilOnline: (signal) =>
    new Promise((resolve, reject) => {
      addEventListener("online", () => resolve(), { once: true });
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    }),
};
