/** A clock that stands still until a test moves it. Waits cost nothing, and none is missed. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';

interface Timer {
  readonly at: number;
  readonly wake: () => void;
}

/** 2026-11-20T12:00:00Z. */
export const NOON = Date.UTC(2026, 10, 20, 12);

export class FakeClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now = NOON) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new Error('aborted'));
        return;
      }
      const onAbort = () => {
        this.#timers.delete(timer);
        reject(new Error('aborted'));
      };
      const wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const timer = { at: this.#now + ms, wake };
      this.#timers.add(timer);
      signal?.addEventListener('abort', onAbort, { once: true });
    });

  /** Moves the time and wakes whoever has slept long enough. */
  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#now) return;
      this.#timers.delete(timer);
      timer.wake();
    }
  }

  /** Settles as `promise` does; whenever `isIdle`, the time jumps to the next timer. */
  async run<T>(promise: Promise<T>, isIdle: () => boolean): Promise<T> {
    const state = { isSettled: false };
    const settled = promise.finally(() => {
      state.isSettled = true;
    });
    settled.catch(() => {});
    while (!state.isSettled) {
      await setImmediate();
      if (!state.isSettled && isIdle() && this.#timers.size > 0) {
        this.advance(Math.min(...[...this.#timers].map((timer) => timer.at)) - this.#now);
      }
    }
    return settled;
  }
}
