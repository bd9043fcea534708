/** A rule's body in one spelling: rules that say the same in different words mostly get the same text. Solves nothing. */
import type { MatcherForm } from '../matchers.ts';
import type { Clause, Condition, Rule } from '../policy.ts';
import { type AttributeValues, compare, turningPoints } from './attribute-values.ts';
import type { Effort } from './effort.ts';
import type { Formulas } from './formula.ts';

/** Present values that satisfy a matcher: those in `values`, or all others; and whether absence does. */
interface TextValues {
  readonly absent: boolean;
  readonly values: ReadonlySet<string>;
  readonly isComplement: boolean;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Writes bodies of the rules of one policy. */
export class BodyKeys {
  readonly #formulas: Formulas;
  readonly #effort: Effort;
  readonly #conditions = new Map<string, string>();

  /** `effort` bounds how many members of sets are compared; beyond, matchers are taken as they are spelled. */
  constructor(formulas: Formulas, effort: Effort) {
    this.#formulas = formulas;
    this.#effort = effort;
  }

  /**
   * Returns a text that is the same only for rules that come out the same for every connection at every time, unknown facts
   * included. It leaves out the id and the reason.
   */
  of(rule: Rule): string {
    return JSON.stringify([
      rule.effect,
      String(rule.validFrom),
      String(rule.validUntil),
      this.#ofClauses(rule.when),
      this.#ofClauses(rule.unless),
    ]);
  }

  #ofClauses(clauses: readonly Clause[]): readonly string[] {
    return distinct(clauses.map((clause) => JSON.stringify(distinct(clause.map((each) => this.#ofCondition(each))))));
  }

  /** On an unknown attribute every matcher is unknown: what agrees on known values agrees always. */
  #ofCondition({ attribute, form }: Condition): string {
    const values = this.#formulas.attribute(attribute);
    const spelled = JSON.stringify([attribute, this.#spelled(form)]);
    const known = this.#conditions.get(spelled);
    if (known !== undefined) return known;
    const key = JSON.stringify([attribute, this.#meaning(values, form)]);
    this.#conditions.set(spelled, key);
    return key;
  }

  #meaning(attribute: AttributeValues, form: MatcherForm): unknown {
    if (attribute.kind !== 'text') return numbersOf(form, attribute.canBeAbsent);
    const { onlyValues, canBeAbsent } = attribute;
    if (onlyValues) return [...onlyValues].filter((value) => this.#holds(form, value));
    const values = this.#textValues(form);
    if (values === undefined) return this.#spelled(form);
    return [canBeAbsent && values.absent, values.isComplement, this.#formulas.sets.numberOf(values.values)];
  }

  #holds(form: MatcherForm, value: string): boolean {
    switch (form.kind) {
      case 'not':
        return !this.#holds(form.of, value);
      case 'all':
        return form.of.every((part) => this.#holds(part, value));
      case 'in':
        return form.values.has(value);
      case 'like':
        return this.#formulas.glob(form.pattern).matches(value);
      case 'exists':
        return form.expected;
      case 'compare':
        return false;
      default:
        return form satisfies never;
    }
  }

  /** Which texts satisfy `form`; `undefined` when patterns are in the way. */
  #textValues(form: MatcherForm): TextValues | undefined {
    switch (form.kind) {
      case 'in':
        return { absent: false, values: form.values, isComplement: false };
      case 'exists':
        return { absent: !form.expected, values: NOTHING, isComplement: form.expected };
      case 'like': {
        const glob = this.#formulas.glob(form.pattern);
        if (glob.isAny) return { absent: false, values: NOTHING, isComplement: true };
        const text = glob.onlyText;
        return text === undefined ? undefined : { absent: false, values: new Set([text]), isComplement: false };
      }
      case 'not': {
        const of = this.#textValues(form.of);
        return of && { absent: !of.absent, values: of.values, isComplement: !of.isComplement };
      }
      case 'all': {
        const [first, ...rest] = form.of.map((part) => this.#textValues(part));
        return rest.reduce((all, part) => all && part && this.#intersection(all, part), first);
      }
      case 'compare':
        return undefined;
      default:
        return form satisfies never;
    }
  }

  #intersection(a: TextValues, b: TextValues): TextValues | undefined {
    if (!this.#effort.spend(a.values.size + b.values.size)) return undefined;
    const absent = a.absent && b.absent;
    if (a.isComplement && b.isComplement) {
      return { absent, values: new Set([...a.values, ...b.values]), isComplement: true };
    }
    const [inside, other] = a.isComplement ? [b, a] : [a, b];
    const values = new Set([...inside.values].filter((value) => other.values.has(value) !== other.isComplement));
    return { absent, values, isComplement: false };
  }

  /** The matcher as it stands, but for the order of its parts, double `not`, and how sets and patterns are written. */
  #spelled(form: MatcherForm): unknown {
    switch (form.kind) {
      case 'in':
        return ['in', this.#formulas.sets.numberOf(form.values)];
      case 'like':
        return ['like', this.#formulas.glob(form.pattern).key];
      case 'not':
        return form.of.kind === 'not' ? this.#spelled(form.of.of) : ['not', this.#spelled(form.of)];
      case 'all':
        return ['all', ...distinct(form.of.map((part) => JSON.stringify(this.#spelled(part))))];
      case 'exists':
        return ['exists', form.expected];
      case 'compare':
        return [form.comparison, form.limit];
      default:
        return form satisfies never;
    }
  }
}

function distinct(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)].sort();
}

/** The rows of whole numbers that satisfy `form`, each with its ends, after whether absence does. */
function numbersOf(form: MatcherForm, canBeAbsent: boolean): unknown {
  const rows: [number, number][] = [];
  let before: [number, number] | undefined;
  for (const point of turningPoints(limitsIn(form))) {
    if (!numberSatisfies(form, point)) {
      before = undefined;
    } else if (before) {
      before[1] = point;
    } else {
      before = [point, point];
      rows.push(before);
    }
  }
  return [canBeAbsent && numberSatisfies(form, null), rows];
}

function limitsIn(form: MatcherForm): readonly number[] {
  if (form.kind === 'not') return limitsIn(form.of);
  if (form.kind === 'all') return form.of.flatMap(limitsIn);
  return form.kind === 'compare' ? [form.limit] : [];
}

function numberSatisfies(form: MatcherForm, number: number | null): boolean {
  switch (form.kind) {
    case 'not':
      return !numberSatisfies(form.of, number);
    case 'all':
      return form.of.every((part) => numberSatisfies(part, number));
    case 'exists':
      return form.expected === (number !== null);
    case 'compare':
      return number !== null && compare(number, form.comparison, form.limit);
    case 'in':
    case 'like':
      return false;
    default:
      return form satisfies never;
  }
}
