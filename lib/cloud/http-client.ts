/**
 * The one way requests leave: signed, paced, bounded and repeated by rule. Shared by all targets of a run, so that concurrency, rate
 * and what is known of the credentials count over all of them. Knows no API.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';
import { Call, type HttpRequest } from './call.ts';
import { CloudError } from './cloud-error.ts';
import type { Authenticator } from './credentials.ts';
import type { CallOptions, CallTrace } from './endpoint-services.ts';
import { secretsIn } from './plain-text.ts';
import { backoff, judge, type RetryBounds, type Verdict } from './retry.ts';
import { sendOnce, type Fetch, type SendBounds } from './send.ts';
import { Slots } from './slots.ts';
import { Throttle } from './throttle.ts';

/** A 2xx answer. */
export interface HttpAnswer extends CallTrace {
  readonly status: number;
  /** The JSON value with numbers as `LosslessNumber`; `undefined` when a change was answered with an empty body. */
  readonly body: unknown;
}

/** Sends requests. */
export interface HttpClient {
  /**
   * Resolves to the first 2xx answer. Rejects with `CloudError` and nothing else: on errors that repeating does not help, after the
   * bounds of repeating, and when there is no time left.
   */
  request(request: HttpRequest, options: CallOptions): Promise<HttpAnswer>;
}

/** What happens in the client, for progress and metrics. Carries no secret. */
export type HttpEvent =
  | { readonly type: 'sent'; readonly method: string; readonly path: string; readonly attempt: number }
  /** Follows every `sent`. `code` is `null` on success, else that of the failure; `status` is `null` without an answer. */
  | {
      readonly type: 'answered';
      readonly method: string;
      readonly path: string;
      readonly attempt: number;
      readonly status: number | null;
      readonly code: string | null;
      readonly milliseconds: number;
    }
  /** The cloud throttles. `until` (ms since the Unix epoch) is when `host` is asked again; the rate is that over all hosts. */
  | {
      readonly type: 'throttled';
      readonly host: string;
      readonly until: number;
      readonly requestsPerSecond: number | null;
    };

/** What a client needs. */
export interface HttpClientOptions {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  /** Requests in flight, at most. */
  readonly concurrency: number;
  /** `null`: no limit of our own. */
  readonly requestsPerSecond: number | null;
  /** The global `fetch` when left out. */
  readonly fetch?: Fetch;
  readonly bounds?: Partial<SendBounds & RetryBounds>;
  readonly observe?: (event: HttpEvent) => void;
}

const DEFAULT_BOUNDS: SendBounds & RetryBounds = {
  requestTimeout: 10_000,
  maxBytes: 32 * 1024 * 1024,
  maxFailures: 6,
  maxThrottled: 12,
  baseWait: 200,
  maxWait: 10_000,
};

/** The gateway rejects signatures whose time is off by more than this. */
const MAX_SKEW_MINUTES = 15;

/**
 * Returns a client for one run. It remembers a refusal of the credentials for good, so what runs for long makes one for each run;
 * connections are kept alive and shared all the same, because they belong to `fetch`. The authenticator outlives the run: it holds
 * tokens, and the memory that keeps a wrong password from being tried again.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  return new PacedClient(options);
}

/** The scope of all projects; no project has this id. */
const EVERYWHERE = '';

class PacedClient implements HttpClient {
  readonly #options: HttpClientOptions;
  readonly #bounds: SendBounds & RetryBounds;
  readonly #throttle: Throttle;
  // Until the credentials are known to be good, one request at a time: five wrong signatures lock an access key.
  readonly #slots = new Slots(1);
  #isTrusted = false;
  /** The scopes in which the credentials are refused, see {@link PacedClient.#scopeOf}. */
  readonly #refused = new Set<string>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    this.#throttle = new Throttle(options.requestsPerSecond, options.clock.now);
  }

  async request(request: HttpRequest, options: CallOptions): Promise<HttpAnswer> {
    const call = new Call(request);
    // One signal serves all calls of a run, each listening while it waits; Node 20 takes more than ten listeners for a leak.
    setMaxListeners(0, options.signal);
    const maxFailures = Math.min(request.maxFailures ?? Number.POSITIVE_INFINITY, this.#bounds.maxFailures);
    let failed = 0;
    let throttled = 0;
    for (;;) {
      if (!(await this.#admit(call, options))) throw call.outOfTime();
      const sentAt = this.#options.clock.now();
      const verdict = await this.#sendAdmitted(call, options);
      if (verdict === 'renewed') continue;
      if (verdict.requestId !== undefined) call.requestIds.push(verdict.requestId);
      if (verdict.isDone)
        return { attempts: call.attempts, requestIds: call.requestIds, status: verdict.status, body: verdict.body };

      const { failure } = verdict;
      call.last = failure;
      if (failure.repeat === 'throttled') {
        throttled += 1;
        this.#slowDown(call, sentAt, failure.wait);
      } else {
        failed += 1;
      }
      const isSpent = failed >= maxFailures || throttled >= this.#bounds.maxThrottled;
      if (failure.repeat === 'never' || isSpent) throw call.error(failure);
      // A pause for the whole host is waited for on admission.
      const isPaused = failure.repeat === 'throttled' && failure.wait !== undefined;
      const wait = isPaused ? 0 : (failure.wait ?? backoff(failed + throttled, this.#options.random(), this.#bounds));
      if (wait > 0 && !(await this.#wait(wait, options))) throw call.outOfTime();
    }
  }

  /** Waits for the host's pause, a slot and a token, in this order. Resolves to true with a slot held, or false out of time. */
  async #admit(call: Call, options: CallOptions): Promise<boolean> {
    const wait = (ms: number) => this.#wait(ms, options);
    for (;;) {
      if (options.signal.aborted) return false;
      if (this.#isRefused(call)) throw this.#refusal(call);
      const pause = this.#throttle.pauseOf(call.host);
      // Not while holding a slot: the other hosts need it.
      if (pause > 0 && !(await wait(pause))) return false;
      if (!(await this.#slots.acquire(options.signal))) return false;
      if (this.#throttle.pauseOf(call.host) === 0 && !this.#isRefused(call)) {
        const hasToken = await this.#throttle.take(wait, options.signal);
        if (hasToken && this.#throttle.pauseOf(call.host) === 0 && !this.#isRefused(call)) return true;
        this.#slots.release();
        if (!hasToken) return false;
      } else {
        this.#slots.release();
      }
    }
  }

  /** Sends once and gives the slot back. `renewed`: there was a 401, and the next sending goes out with new credentials. */
  async #sendAdmitted(call: Call, options: CallOptions): Promise<Verdict | 'renewed'> {
    try {
      return await this.#send(call, options);
    } finally {
      this.#slots.release();
    }
  }

  async #send(call: Call, options: CallOptions): Promise<Verdict | 'renewed'> {
    const { clock, observe } = this.#options;
    const { request, where } = call;
    // Signed only now: the wait for a slot and a token may have been long, and a signature is good for minutes.
    const added = await this.#authenticate(call, options);
    call.attempts += 1;
    const attempt = call.attempts;
    const sentAt = clock.now();
    observe?.({ type: 'sent', ...where, attempt });
    const init = { method: request.method, headers: { ...call.prepared.headers, ...added } };
    const sending = await sendOnce(call.url, call.body === '' ? init : { ...init, body: call.body }, {
      fetch: this.#options.fetch ?? fetch,
      clock,
      bounds: this.#bounds,
      signal: options.signal,
    });
    const now = clock.now();
    const verdict = judge(sending, {
      repeat: request.repeat,
      isRetryableCode: request.isRetryableCode ?? (() => false),
      secrets: secretsIn(added),
      now,
    });
    const status = sending.kind === 'answered' || sending.kind === 'too-large' ? sending.status : null;
    const code = verdict.isDone ? null : verdict.failure.code;
    observe?.({ type: 'answered', ...where, attempt, status, code, milliseconds: now - sentAt });
    if (status === 401 && !verdict.isDone && this.#renew(call, added)) {
      if (verdict.requestId !== undefined) call.requestIds.push(verdict.requestId);
      call.last = verdict.failure;
      return 'renewed';
    }
    this.#learn(call, status, verdict);
    return status === 401 && sending.kind === 'answered' ? this.#explain(verdict, sending.headers) : verdict;
  }

  /** Returns the headers that prove who we are; where that takes a token and IAM gives none, the call fails unsent. */
  async #authenticate(call: Call, options: CallOptions): Promise<Readonly<Record<string, string>>> {
    try {
      return await this.#options.authenticator.authenticate(call.prepared, this.#options.clock.now(), options);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.code === 'deadline') throw call.outOfTime();
      // No status: a 404 of IAM must not read as if the service were not there.
      const { code, retryable } = error;
      const detail = `not sent, because ${error.message}`;
      throw call.error({ code, detail, retryable, effect: 'none', repeat: 'never' });
    }
  }

  /** After a 401: true when the credentials can be renewed, once for each call. */
  #renew(call: Call, refused: Readonly<Record<string, string>>): boolean {
    const { authenticator } = this.#options;
    if (authenticator.renew === undefined || call.hasRenewed) return false;
    call.hasRenewed = true;
    return authenticator.renew(refused);
  }

  /** Draws from an answer what it says about credentials and rate. */
  #learn(call: Call, status: number | null, verdict: Verdict): void {
    if (status === 401) {
      this.#refused.add(this.#scopeOf(call));
      // Whoever waits for a slot is let through to be told.
      if (this.#isRefusedEverywhere()) this.#slots.resize(Number.POSITIVE_INFINITY);
      return;
    }
    // 429 and 5xx may come from in front of the check of the signature, so they prove nothing.
    if (!this.#isTrusted && status !== null && status < 500 && status !== 429 && !this.#isRefusedEverywhere()) {
      this.#isTrusted = true;
      this.#slots.resize(this.#options.concurrency);
    }
    if (verdict.isDone) this.#throttle.speedUp();
  }

  /**
   * What a refusal is about: everything where nothing can be renewed, else the project, because it had a new token of its own.
   * What IAM refuses stays with IAM, and is not asked again either: an access key is locked by the sixth refusal in a row.
   */
  #scopeOf({ request }: Call): string {
    const scope = this.#options.authenticator.renew === undefined ? EVERYWHERE : (request.projectId ?? EVERYWHERE);
    return request.isGlobal === true ? `${scope}@iam` : scope;
  }

  #isRefusedEverywhere(): boolean {
    return this.#refused.has(EVERYWHERE);
  }

  #slowDown(call: Call, sentAt: number, pause: number | undefined): void {
    this.#throttle.slowDown(call.host, sentAt, pause);
    this.#options.observe?.({
      type: 'throttled',
      host: call.host,
      until: this.#options.clock.now() + this.#throttle.pauseOf(call.host),
      requestsPerSecond: this.#throttle.requestsPerSecond,
    });
  }

  /** Resolves to false when the time does not suffice. */
  async #wait(ms: number, options: CallOptions): Promise<boolean> {
    const { clock } = this.#options;
    if (options.signal.aborted) return false;
    try {
      await clock.sleep(ms, options.signal);
    } catch {
      return false;
    }
    return !options.signal.aborted;
  }

  #isRefused(call: Call): boolean {
    return this.#isRefusedEverywhere() || this.#refused.has(this.#scopeOf(call));
  }

  #refusal(call: Call): CloudError {
    return call.error({
      code: 'credentials-refused',
      detail: `not sent, because the cloud refused the credentials before (401); check ${this.#whatToCheck()}`,
      retryable: false,
      effect: 'none',
      repeat: 'never',
    });
  }

  /** Adds to a 401 what people can do about it. */
  #explain(verdict: Verdict, headers: Headers): Verdict {
    if (verdict.isDone) return verdict;
    const { failure } = verdict;
    const theirs = Date.parse(headers.get('date') ?? '');
    const minutes = Math.round((this.#options.clock.now() - theirs) / 60_000);
    const skew =
      Math.abs(minutes) > MAX_SKEW_MINUTES
        ? `; this machine's clock is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead of' : 'behind'} the cloud's`
        : '';
    return { ...verdict, failure: { ...failure, detail: `${failure.detail}; check ${this.#whatToCheck()}${skew}` } };
  }

  #whatToCheck(): string {
    const { variables, advice } = this.#options.authenticator;
    const names = variables.map((name) => `\`${name}\``).join(', ');
    return advice === undefined ? names : `${names} (${advice})`;
  }
}
