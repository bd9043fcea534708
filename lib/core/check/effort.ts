/** How much work a question may cost. Counted in steps, never by the clock, so that one policy always gets the same findings. */

/** A number of steps that can be used up; a part of a larger one also draws on that. */
export class Effort {
  #left: number;
  readonly #whole: Effort | undefined;

  constructor(steps: number, whole?: Effort) {
    this.#left = steps;
    this.#whole = whole;
  }

  /** Takes `steps` and returns whether there were still enough. */
  spend(steps: number): boolean {
    this.#left -= steps;
    const isWholeLeft = this.#whole === undefined || this.#whole.spend(steps);
    return this.#left >= 0 && isWholeLeft;
  }

  /** True when nothing is left. */
  isSpent(): boolean {
    return this.#left < 0 || (this.#whole?.isSpent() ?? false);
  }

  /** Returns at most `steps` of this effort, for one question. */
  part(steps: number): Effort {
    return new Effort(steps, this);
  }
}
