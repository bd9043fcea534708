/** Which rules of a policy a set of cases exercised: as true and as false. Judges no case. */
import type { Attributes } from './core/attributes.ts';
import { truthOfRule } from './core/evaluate.ts';
import type { Policy, Rule } from './core/policy.ts';
import { FALSE, TRUE } from './core/truth.ts';

/** The ids of rules that no case exercised, sorted. A rule that was only ever unknown is in both lists. */
export interface CoverageGaps {
  readonly neverTrue: readonly string[];
  readonly neverFalse: readonly string[];
}

/** Collects over cases how each rule of one policy came out. */
export class PolicyCoverage {
  readonly policy: Policy;
  #open: { readonly rule: Rule; wasTrue: boolean; wasFalse: boolean }[];

  constructor(policy: Policy) {
    this.policy = policy;
    this.#open = policy.rules.map((rule) => ({ rule, wasTrue: false, wasFalse: false }));
  }

  /** Counts one case. Looks at the rules themselves, not at the index, which would not say of a rule left out why. */
  add(attributes: Attributes, now: number): void {
    let isSettled = false;
    for (const seen of this.#open) {
      const truth = truthOfRule(seen.rule, attributes, now);
      if (truth === TRUE) seen.wasTrue = true;
      if (truth === FALSE) seen.wasFalse = true;
      isSettled ||= seen.wasTrue && seen.wasFalse;
    }
    // A rule seen both ways need not be looked at again: with thousands of rules and cases that is most of the work.
    if (isSettled) this.#open = this.#open.filter(({ wasTrue, wasFalse }) => !(wasTrue && wasFalse));
  }

  /** Returns what is still missing. */
  gaps(): CoverageGaps {
    return {
      neverTrue: this.#open.filter(({ wasTrue }) => !wasTrue).map(({ rule }) => rule.id),
      neverFalse: this.#open.filter(({ wasFalse }) => !wasFalse).map(({ rule }) => rule.id),
    };
  }
}
