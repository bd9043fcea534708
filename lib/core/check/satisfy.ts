/** Finds a connection for which formulas hold together, or shows that there is none. Judges no policy. */
import type { Fact } from '../fact.ts';
import { type AttributeValues, complementOf, type Constraint, type Literal } from './attribute-values.ts';
import type { Effort } from './effort.ts';
import type { Formula } from './formula.ts';

/**
 * Facts for which the formulas hold (an attribute that is not in the map can be anything); that there are none; or that it
 * was too much work to tell.
 */
export type Answer = { readonly facts: ReadonlyMap<string, Fact> } | 'none' | 'undecided';

type Alternatives = readonly Formula[];

/**
 * Returns facts for which all of `formulas` hold. Attributes are independent of each other, so that literals are only ever
 * compared within one attribute; between them it is a search through the alternatives of every OR.
 *
 * INVARIANT: `'none'` is a proof. Whatever is given up half-way is `'undecided'`.
 */
export function satisfy(formulas: readonly Formula[], effort: Effort): Answer {
  return search(new Map(), [], formulas, effort);
}

/** What it takes to set up a branch. */
const STEPS_PER_BRANCH = 5;

function search(
  given: ReadonlyMap<AttributeValues, Constraint>,
  givenOpen: readonly Alternatives[],
  formulas: readonly Formula[],
  effort: Effort,
): Answer {
  if (!effort.spend(STEPS_PER_BRANCH)) return 'undecided';
  const branch = new Branch(given, givenOpen, effort);
  if (!branch.assume(formulas)) return effort.isSpent() ? 'undecided' : 'none';
  const [choice, ...rest] = branch.open;
  if (choice === undefined) return branch.facts();
  let isUndecided = false;
  for (const part of choice) {
    const answer = search(branch.constraints, rest, [part], effort);
    if (typeof answer === 'object') return answer;
    if (answer === 'undecided') isUndecided = true;
    if (effort.isSpent()) return 'undecided';
  }
  return isUndecided ? 'undecided' : 'none';
}

/** One way through the alternatives: what has been assumed of each attribute, and which choices are still to be made. */
class Branch {
  readonly constraints: Map<AttributeValues, Constraint>;
  open: readonly Alternatives[];
  readonly #effort: Effort;

  constructor(given: ReadonlyMap<AttributeValues, Constraint>, open: readonly Alternatives[], effort: Effort) {
    this.constraints = new Map(given);
    this.open = open;
    this.#effort = effort;
  }

  /** Assumes `formulas` and all that follows from them directly. Returns false when that cannot be, or the effort is spent. */
  assume(formulas: readonly Formula[]): boolean {
    let next: readonly Formula[] = formulas;
    while (next.length > 0) {
      for (const formula of next) if (!this.#add(formula)) return false;
      const forced = this.#settle();
      if (!forced) return false;
      next = forced;
    }
    return true;
  }

  /** Returns facts that satisfy what was assumed. */
  facts(): Answer {
    const facts = new Map<string, Fact>();
    for (const [attribute, constraint] of this.constraints) {
      const found = attribute.find(constraint, this.#effort);
      if (typeof found === 'string') return found;
      facts.set(attribute.name, found.fact);
    }
    return { facts };
  }

  #add(formula: Formula): boolean {
    switch (formula.kind) {
      case 'literal': {
        const constraint = this.#with(formula);
        this.constraints.set(formula.attribute, constraint);
        return formula.attribute.find(constraint, this.#effort) !== 'none';
      }
      case 'and':
        return formula.parts.every((part) => this.#add(part));
      case 'or':
        this.open = [...this.open, formula.parts];
        return true;
      default:
        return formula satisfies never;
    }
  }

  /** Strikes alternatives that are no longer possible. Returns those that are the only ones left, or `undefined` when none is. */
  #settle(): readonly Formula[] | undefined {
    const open: Alternatives[] = [];
    const forced: Formula[] = [];
    for (const parts of this.open) {
      if (!this.#effort.spend(parts.length)) return undefined;
      if (parts.some((part) => this.#isSettled(part))) continue;
      const possible = parts.filter((part) => this.#isPossible(part));
      const [only] = possible;
      if (only === undefined) return undefined;
      if (possible.length === 1) forced.push(only);
      else open.push(possible);
    }
    // The fewest alternatives first: what is wrong shows early.
    this.open = open.sort((a, b) => a.length - b.length);
    return forced;
  }

  #isSettled(part: Formula): boolean {
    if (part.kind === 'or') return part.parts.some((each) => this.#isSettled(each));
    if (part.kind === 'and') return part.parts.every((each) => this.#isSettled(each));
    return part.attribute.find(this.#with(complementOf(part)), this.#effort) === 'none';
  }

  #isPossible(part: Formula): boolean {
    if (part.kind === 'or') return part.parts.some((each) => this.#isPossible(each));
    if (part.kind === 'and') return part.parts.every((each) => this.#isPossible(each));
    return part.attribute.find(this.#with(part), this.#effort) !== 'none';
  }

  #with(literal: Literal): Constraint {
    const { attribute } = literal;
    return attribute.add(this.constraints.get(attribute) ?? attribute.free, literal);
  }
}
