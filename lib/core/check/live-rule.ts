/** The rules that can still match, each with connections that it matches. Rules that have expired or contradict themselves are left out here. */
import { type Attributes, kindOfAttribute } from '../attributes.ts';
import { truthOfClauses } from '../evaluate.ts';
import type { Fact } from '../fact.ts';
import type { Rule } from '../policy.ts';
import { FALSE, TRUE } from '../truth.ts';
import type { Effort } from './effort.ts';
import type { Formulas } from './formula.ts';
import { satisfy } from './satisfy.ts';

/** A rule that some connection can match, now or later. */
export interface LiveRule {
  readonly rule: Rule;
  /** What is left of its validity, in milliseconds since the Unix epoch. */
  readonly from: number;
  readonly until: number;
  /**
   * Two connections that it matches. They differ in all that it does not ask for, so that few other rules match both; empty
   * when finding one was too much work.
   */
  readonly examples: readonly Attributes[];
}

/** Steps that one question about one or two rules may cost. */
export const STEPS_PER_QUESTION = 50_000;

/** Trying a rule on an example is that much cheaper than a step of reasoning. */
export const LOOKS_PER_STEP = 4;

/** Returns `rule` as a live rule, `'unmatchable'` when it can be true for no connection, or `'expired'`. */
export function liveRule(
  rule: Rule,
  now: number,
  formulas: Formulas,
  effort: Effort,
): LiveRule | 'unmatchable' | 'expired' {
  const answer = satisfy([formulas.ofRule(rule, 'true')], effort.part(STEPS_PER_QUESTION));
  if (answer === 'none') return 'unmatchable';
  if (rule.validUntil <= now) return 'expired';
  const facts = answer === 'undecided' ? undefined : answer.facts;
  return {
    rule,
    from: Math.max(rule.validFrom, now),
    until: rule.validUntil,
    examples: facts ? [new Example(formulas, facts, 'bare'), new Example(formulas, facts, 'rich')] : [],
  };
}

/** True when `cover` is valid at every moment from now on at which `rule` is. */
export function coversValidity(cover: LiveRule, rule: LiveRule): boolean {
  return cover.from <= rule.from && rule.until <= cover.until;
}

/** True when the rule's conditions hold for the example. All facts of an example are known, so nothing is undecided. */
export function matchesExample(rule: Rule, example: Attributes): boolean {
  return (
    truthOfClauses(rule.when, example) === TRUE &&
    (rule.unless.length === 0 || truthOfClauses(rule.unless, example) === FALSE)
  );
}

/** Some facts, and for all other attributes a value that no policy is likely to name: as few as can be, or all present. */
class Example extends Map<string, Fact> {
  readonly #formulas: Formulas;
  readonly #style: 'bare' | 'rich';

  constructor(formulas: Formulas, facts: ReadonlyMap<string, Fact>, style: 'bare' | 'rich') {
    super(facts);
    this.#formulas = formulas;
    this.#style = style;
  }

  override get(name: string): Fact {
    const known = super.get(name);
    if (known !== undefined) return known;
    const { canBeAbsent, onlyValues } = this.#formulas.attribute(name);
    const isBare = this.#style === 'bare';
    if (canBeAbsent && isBare) return null;
    if (kindOfAttribute(name) !== 'text') return isBare ? 0 : 1e12;
    if (onlyValues) return [...onlyValues].at(isBare ? 0 : -1) ?? null;
    return isBare ? '\u{10FFFD} bare' : '\u{10FFFD} rich';
  }
}
