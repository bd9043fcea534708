/** Which values one attribute can have, and whether one of them satisfies given literals. Knows nothing of rules. */
import type { AttributeKind } from '../attributes.ts';
import { type Fact, UNKNOWN } from '../fact.ts';
import type { Comparison } from '../matchers.ts';
import type { Effort } from './effort.ts';
import { findWord, type GlobLanguage } from './glob-language.ts';

/** Something that a value has or has not. Nothing of it is true of an absent attribute. */
export type Atom =
  | { readonly kind: 'present' }
  | { readonly kind: 'in'; readonly values: ReadonlySet<string> }
  | { readonly kind: 'like'; readonly glob: GlobLanguage }
  | { readonly kind: 'compare'; readonly comparison: Comparison; readonly limit: number };

/** An atom that is to be true, or false, of one attribute. */
export interface Literal {
  readonly kind: 'literal';
  /** Equal literals are the same object and have the same id. */
  readonly id: number;
  readonly attribute: AttributeValues;
  readonly atom: Atom;
  readonly holds: boolean;
  /** It is also satisfied when the attribute is unknown. */
  readonly orUnknown: boolean;
  /** The four literals of this atom: true, not true, false, not false. */
  readonly siblings: readonly Literal[];
}

/** Returns the literal that is satisfied exactly where `literal` is not. */
export function complementOf(literal: Literal): Literal {
  return literal.siblings[literal.siblings.indexOf(literal) ^ 1] as Literal;
}

/** A fact that satisfies some literals; that there is none; or that it was too much work to tell. */
export type ValueAnswer = { readonly fact: Fact } | 'none' | 'undecided';

/** Some literals about one attribute, taken together, and what has been found out about them. */
export interface Constraint {
  readonly literals: readonly Literal[];
  readonly next: Map<number, Constraint>;
  answer: ValueAnswer | undefined;
}

/** Every connection has these: they are part of what names it, or counted by us (policy.md, "Attributes"). */
const NEVER_ABSENT: ReadonlySet<string> = new Set([
  'domain_id',
  'endpoint_id',
  'region',
  'project_id',
  'service.kind',
  'service.id',
  'age',
  'domain.connections',
]);

const ONLY_VALUES: ReadonlyMap<string, ReadonlySet<string>> = new Map([['service.kind', new Set(['vpcep', 'css'])]]);

/** What a search costs at least, beside the cheapest step there is; its result is kept, which also takes memory. */
const STEPS_PER_SEARCH = 5;

/** The values of one attribute, and every question that was asked about them. */
export class AttributeValues {
  readonly name: string;
  readonly kind: AttributeKind;
  readonly canBeAbsent: boolean;
  /** When set, it has no other value. */
  readonly onlyValues: ReadonlySet<string> | undefined;
  readonly free: Constraint = { literals: [], next: new Map(), answer: undefined };
  readonly #constraints = new Map<string, Constraint>();

  constructor(name: string, kind: AttributeKind) {
    this.name = name;
    this.kind = kind;
    this.canBeAbsent = !NEVER_ABSENT.has(name);
    this.onlyValues = ONLY_VALUES.get(name);
  }

  /** Returns `constraint` with one more literal. */
  add(constraint: Constraint, literal: Literal): Constraint {
    const known = constraint.next.get(literal.id);
    if (known) return known;
    let next = constraint;
    if (!constraint.literals.includes(literal)) {
      const literals = [...constraint.literals, literal].sort((a, b) => a.id - b.id);
      const key = literals.map(({ id }) => id).join(' ');
      next = this.#constraints.get(key) ?? { literals, next: new Map(), answer: undefined };
      this.#constraints.set(key, next);
    }
    constraint.next.set(literal.id, next);
    return next;
  }

  /** Finds a fact that satisfies all literals of `constraint`. Asked again, it costs nothing. */
  find(constraint: Constraint, effort: Effort): ValueAnswer {
    if (constraint.answer !== undefined) return constraint.answer;
    const answer = this.#search(constraint.literals, effort);
    // What was given up for want of effort may be found with more.
    if (answer !== 'undecided' || !effort.isSpent()) constraint.answer = answer;
    return answer;
  }

  #search(literals: readonly Literal[], effort: Effort): ValueAnswer {
    if (!effort.spend(STEPS_PER_SEARCH + literals.length)) return 'undecided';
    if (literals.every(({ orUnknown }) => orUnknown)) return { fact: UNKNOWN };
    if (this.canBeAbsent && literals.every(({ holds }) => !holds)) return { fact: null };
    if (literals.some(({ atom, holds }) => atom.kind === 'present' && !holds)) return 'none';
    return this.kind === 'text' ? this.#searchText(literals, effort) : searchNumber(literals);
  }

  #searchText(literals: readonly Literal[], effort: Effort): ValueAnswer {
    const sorted = sortByForm(literals);
    const { within, outside, like, unlike } = sorted;
    if (this.onlyValues) within.push(this.onlyValues);
    const [smallest] = within.sort((a, b) => a.size - b.size);
    if (smallest) return searchSet(smallest, sorted, effort);
    if (like.length + unlike.length > 0) {
      const found = findWord({ matching: like, notMatching: unlike, avoiding: outside }, effort);
      return typeof found === 'string' ? found : { fact: found.word };
    }
    // Finite sets cannot hold every text.
    for (let i = 0; ; i++) {
      const text = `other-${i}`;
      if (!outside.some((set) => set.has(text))) return { fact: text };
    }
  }
}

interface TextLiterals {
  readonly within: ReadonlySet<string>[];
  readonly outside: ReadonlySet<string>[];
  readonly like: GlobLanguage[];
  readonly unlike: GlobLanguage[];
}

function sortByForm(literals: readonly Literal[]): TextLiterals {
  const sorted: TextLiterals = { within: [], outside: [], like: [], unlike: [] };
  for (const { atom, holds } of literals) {
    if (atom.kind === 'in') (holds ? sorted.within : sorted.outside).push(atom.values);
    if (atom.kind === 'like') (holds ? sorted.like : sorted.unlike).push(atom.glob);
  }
  return sorted;
}

function searchSet(values: ReadonlySet<string>, sorted: TextLiterals, effort: Effort): ValueAnswer {
  const { within, outside, like, unlike } = sorted;
  const globs = like.length + unlike.length;
  for (const value of values) {
    const fits =
      within.every((set) => set.has(value)) &&
      !outside.some((set) => set.has(value)) &&
      like.every((glob) => glob.matches(value)) &&
      !unlike.some((glob) => glob.matches(value));
    if (fits) return { fact: value };
    // A look into a set is cheap beside everything else that is counted; walking a pattern is not.
    if (!effort.spend(globs === 0 ? 0.1 : globs * (1 + value.length / 50))) return 'undecided';
  }
  return 'none';
}

/** Numbers are counts and durations whole seconds, both from 0: nothing changes but at a limit, or one beside it. */
function searchNumber(literals: readonly Literal[]): ValueAnswer {
  const limits = literals.flatMap(({ atom }) => (atom.kind === 'compare' ? [atom.limit] : []));
  for (const number of turningPoints(limits)) {
    if (literals.every(({ atom, holds }) => numberSatisfies(number, atom) === holds)) return { fact: number };
  }
  return 'none';
}

/** Returns the whole numbers, ascending, at which comparisons with `limits` can change, and the ends of the range. */
export function turningPoints(limits: readonly number[]): readonly number[] {
  const points = new Set([0, Number.MAX_SAFE_INTEGER]);
  for (const limit of limits) {
    for (const point of [Math.floor(limit) - 1, Math.floor(limit), Math.floor(limit) + 1, Math.ceil(limit) + 1]) {
      if (point > 0 && point < Number.MAX_SAFE_INTEGER) points.add(point);
    }
  }
  return [...points].sort((a, b) => a - b);
}

function numberSatisfies(number: number, atom: Atom): boolean {
  return atom.kind === 'compare' ? compare(number, atom.comparison, atom.limit) : atom.kind === 'present';
}

/** Compares as the matchers do. */
export function compare(number: number, comparison: Comparison, limit: number): boolean {
  switch (comparison) {
    case 'lt':
      return number < limit;
    case 'lte':
      return number <= limit;
    case 'gt':
      return number > limit;
    case 'gte':
      return number >= limit;
    default:
      return comparison satisfies never;
  }
}
