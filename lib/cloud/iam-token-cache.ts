/**
 * Tokens by what they are good for: kept in memory, renewed before they end, each asked for once for all who need it at the same time.
 * Knows neither how a token is issued nor what for.
 */
import type { Clock } from '../clock.ts';
import { CloudError } from './cloud-error.ts';
import type { IssuedToken } from './iam-token-request.ts';

/** A token is renewed this long before its end, or halfway through a life that is shorter than twice this. */
const RENEWAL_MARGIN = 60 * 60_000;
/** How long IAM is left alone after it gave nothing, so that a run's many requests do not become as many log-ins. */
const PAUSE_AFTER_FAILURE = 30_000;
/** The same after a refusal that somebody may lift, such as a missing permission. */
const PAUSE_AFTER_REFUSAL = 5 * 60_000;
/** A token that took the place of a refused one and is refused so soon as well will not be followed by a better one. */
const REPLACEMENT_TRIAL = 60_000;

/** What is known of one scope: the token, the request for one under way, and why the last one gave none. */
interface Entry {
  token?: IssuedToken | undefined;
  flight?: Flight | undefined;
  failed?: { readonly error: CloudError; readonly until: number } | undefined;
  /** When a service last refused a token of this scope. */
  refusedAt?: number;
}

/** A request for a token that several wait for; it is given up when nobody does any more. */
interface Flight {
  readonly token: Promise<IssuedToken>;
  readonly abort: AbortController;
  waiting: number;
}

/** Asks IAM for a token, whatever that takes. Rejects with `CloudError`. */
export type Issue = (signal: AbortSignal) => Promise<IssuedToken>;

/** The error of a wait for a token that did not fit. */
export function outOfTime(): CloudError {
  const details = { code: 'deadline', retryable: true, effect: 'none', attempts: 0, requestIds: [] } as const;
  return new CloudError('no time left to sign in', details);
}

/** Tokens by scope, which is any text. Secrets stay in here. */
export class TokenCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns the scope's token, issued or renewed where it is time. One that still lives is used when there is no other. Rejects with
   * what `issue` rejects with; that is remembered for a while, and a 401 for good. Rejects with code `deadline` when `signal` aborts.
   */
  async get(scope: string, issue: Issue, signal: AbortSignal): Promise<IssuedToken> {
    const clock = this.#clock;
    const entry = this.#entries.get(scope) ?? {};
    this.#entries.set(scope, entry);
    const { token } = entry;
    if (token !== undefined) {
      const margin = Math.min(RENEWAL_MARGIN, token.lifetime / 2);
      if (clock.now() < token.expiresAt - margin) return token;
    }
    try {
      if (entry.failed !== undefined && clock.now() < entry.failed.until) throw entry.failed.error;
      return await this.#join(entry, issue, signal);
    } catch (error) {
      const isUsable = token !== undefined && entry.token === token && clock.now() < token.expiresAt;
      if (isUsable && !signal.aborted) return token;
      throw error;
    }
  }

  /** Waits for the request under way, or for a new one. */
  async #join(entry: Entry, issue: Issue, signal: AbortSignal): Promise<IssuedToken> {
    const flight = entry.flight ?? this.#start(entry, issue);
    flight.waiting += 1;
    try {
      return await unlessAborted(flight.token, signal);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        if (entry.flight === flight) entry.flight = undefined;
        flight.abort.abort();
      }
    }
  }

  #start(entry: Entry, issue: Issue): Flight {
    const abort = new AbortController();
    const flight: Flight = { token: this.#run(entry, issue, abort.signal), abort, waiting: 0 };
    entry.flight = flight;
    return flight;
  }

  async #run(entry: Entry, issue: Issue, signal: AbortSignal): Promise<IssuedToken> {
    try {
      const token = await issue(signal);
      entry.token = token;
      entry.failed = undefined;
      return token;
    } catch (error) {
      if (error instanceof CloudError && error.code !== 'deadline') {
        const pause = error.code === 'credentials-refused' ? PAUSE_AFTER_REFUSAL : PAUSE_AFTER_FAILURE;
        const isFinal = error.httpStatus === 401;
        entry.failed = { error, until: isFinal ? Number.POSITIVE_INFINITY : this.#clock.now() + pause };
      }
      throw error;
    }
  }

  /** Drops a token that a service refused. Returns false when a new one is not worth a try, because this one was new itself. */
  drop(text: string | undefined): boolean {
    const now = this.#clock.now();
    for (const entry of this.#entries.values()) {
      if (entry.token === undefined || entry.token.text !== text) continue;
      const isReplacement = entry.refusedAt !== undefined && now < entry.refusedAt + REPLACEMENT_TRIAL;
      entry.token = undefined;
      entry.refusedAt = now;
      return !isReplacement;
    }
    // Another request has had it renewed meanwhile.
    return true;
  }
}

/** Settles as `promise` does, or rejects with code `deadline` as soon as `signal` aborts. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(outOfTime());
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
