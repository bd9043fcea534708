/** A clock for tests whose waits cost nothing. Time moves only when somebody sleeps or a test moves it. */
import type { Clock } from '../../lib/clock.ts';

/** 2026-11-21T12:30:00Z: in the middle of an hour, so that a short test stays in it. */
export const START = Date.UTC(2026, 10, 21, 12, 30);

/** From here on a sleep is a bound on something that hangs, and takes its real time: else every request would time out at once. */
const PATIENCE_MS = 10_000;

export interface QuickClock extends Clock {
  /** Moves the time on. */
  advance(ms: number): void;
  /** How long each sleep was asked to be, in milliseconds. */
  readonly sleeps: readonly number[];
}

/** Returns a clock that jumps to the end of every sleep shorter than ten seconds. */
export function quickClock(start = START): QuickClock {
  let now = start;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => now,
    advance(ms) {
      now += ms;
    },
    async sleep(ms, signal) {
      if (ms >= PATIENCE_MS) return reallySleep(ms, signal);
      const until = now + ms;
      sleeps.push(ms);
      // Like a timer, never in the same turn: whoever is due first gets its turn.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal?.aborted) throw new Error('aborted');
      now = Math.max(now, until);
    },
  };
}

function reallySleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(new Error('aborted'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
