/** A bounded number of places, given out in order. Knows nothing of requests. */

/** At most `limit` holders at a time; who comes later waits in line. */
export class Slots {
  #limit: number;
  #held = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves to true with a place held, or to false as soon as `signal` aborts. Every true wants one {@link release}. */
  acquire(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#held < this.#limit && this.#waiting.size === 0) {
      this.#held += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const onAbort = () => {
        this.#waiting.delete(admit);
        resolve(false);
      };
      const admit = () => {
        signal.removeEventListener('abort', onAbort);
        resolve(true);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(admit);
    });
  }

  /** Gives a place back. */
  release(): void {
    this.#held -= 1;
    this.#admitWaiting();
  }

  /** Changes how many places there are; lets waiting ones in when there are more. */
  resize(limit: number): void {
    this.#limit = limit;
    this.#admitWaiting();
  }

  #admitWaiting(): void {
    // A Set iterates in order of insertion, so the line keeps its order.
    for (const admit of this.#waiting) {
      if (this.#held >= this.#limit) return;
      this.#waiting.delete(admit);
      this.#held += 1;
      admit();
    }
  }
}
