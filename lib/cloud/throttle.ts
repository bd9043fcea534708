/**
 * How fast requests may go: a token bucket over everything that is sent, which slows down when the cloud complains and climbs
 * back as it answers (additive increase, multiplicative decrease), and a pause for each host that asked for one.
 */
import { Slots } from './slots.ts';

/** Waits `ms` milliseconds and resolves to true, or to false as soon as there is no time left. */
export type Wait = (ms: number) => Promise<boolean>;

/** The slowest that throttling makes us, in requests a second, unless less was configured. */
const FLOOR = 1;
/** Each answer gives back a twentieth of the rate at which throttling began, or of this where that was lower. */
const CLIMB_STEPS = 20;
const CLIMB_BASE = 20;
/** The bucket holds a tenth of a second, so that what is sent in any second stays close to the rate. */
const BURST_SECONDS = 0.1;

/** One throttle for all targets of a run. All times in milliseconds since the Unix epoch. */
export class Throttle {
  readonly #configured: number | null;
  readonly #now: () => number;
  readonly #turns = new Slots(1);
  readonly #pausedUntil = new Map<string, number>();
  readonly #sent = { second: 0, count: 0, before: 0 };
  #rate: number | null;
  #peak = 0;
  #slowedAt = Number.NEGATIVE_INFINITY;
  #tokens: number;
  #filledAt: number;

  /** `requestsPerSecond`: `null` for no limit of our own; throttling then sets one for as long as it is needed. */
  constructor(requestsPerSecond: number | null, now: () => number) {
    this.#configured = requestsPerSecond;
    this.#now = now;
    this.#rate = requestsPerSecond;
    this.#tokens = requestsPerSecond === null ? 1 : capacity(requestsPerSecond);
    this.#filledAt = now();
  }

  /** Requests a second at the moment; `null` when nothing limits them. */
  get requestsPerSecond(): number | null {
    return this.#rate;
  }

  /** Milliseconds until the host may be asked again; 0 when it may be asked now. */
  pauseOf(host: string): number {
    return Math.max(0, (this.#pausedUntil.get(host) ?? 0) - this.#now());
  }

  /** Takes one token, waiting for it in line. Resolves to false when `wait` did, or when `signal` aborted. */
  async take(wait: Wait, signal: AbortSignal): Promise<boolean> {
    if (!(await this.#turns.acquire(signal))) return false;
    try {
      for (let ms = this.#missing(); ms > 0; ms = this.#missing()) {
        if (!(await wait(ms))) return false;
      }
      this.#tokens -= 1;
      this.#count();
      return true;
    } finally {
      this.#turns.release();
    }
  }

  /** Notes that the cloud complained about a request sent at `sentAt`, and asked for a pause of `pause` ms where it did. */
  slowDown(host: string, sentAt: number, pause: number | undefined): void {
    const now = this.#now();
    if (pause !== undefined) this.#pausedUntil.set(host, Math.max(now + pause, this.#pausedUntil.get(host) ?? 0));
    // What was on its way when we slowed down says nothing about the new rate.
    if (sentAt <= this.#slowedAt) return;
    this.#slowedAt = now;
    this.#fill();
    this.#peak = Math.min(this.#rate ?? Number.POSITIVE_INFINITY, Math.max(this.#observed(), FLOOR));
    this.#setRate(Math.max(Math.min(FLOOR, this.#configured ?? FLOOR), this.#peak / 2));
  }

  /** Notes that the cloud took a request without complaint. */
  speedUp(): void {
    if (this.#rate === null || this.#rate === this.#configured) return;
    this.#fill();
    const climbed = this.#rate + Math.max(this.#peak, CLIMB_BASE) / CLIMB_STEPS;
    if (this.#configured !== null) this.#setRate(Math.min(this.#configured, climbed));
    else this.#setRate(climbed > 2 * Math.max(this.#peak, CLIMB_BASE) ? null : climbed);
  }

  #setRate(rate: number | null): void {
    this.#rate = rate;
    if (rate !== null) this.#tokens = Math.min(this.#tokens, capacity(rate));
  }

  /** Milliseconds until there is a token. */
  #missing(): number {
    if (this.#rate === null) return 0;
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate) * 1000);
  }

  #fill(): void {
    const now = this.#now();
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#filledAt = now;
    // Without a limit there is always one token: a limit set by throttling then starts without a burst.
    if (this.#rate === null) this.#tokens = 1;
    // The rounding guards against a token that floating point makes a hair less than whole.
    else this.#tokens = Math.min(capacity(this.#rate), this.#tokens + (elapsed / 1000) * this.#rate + 1e-9);
  }

  #count(): void {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.#sent.second) {
      this.#sent.before = second === this.#sent.second + 1 ? this.#sent.count : 0;
      this.#sent.second = second;
      this.#sent.count = 0;
    }
    this.#sent.count += 1;
  }

  /** How many requests were sent in this second or in the one before, whichever is more. */
  #observed(): number {
    return Math.max(this.#sent.count, this.#sent.before);
  }
}

function capacity(rate: number): number {
  return Math.max(1, rate * BURST_SECONDS);
}
