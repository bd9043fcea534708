/** The matchers of policy.md, one row each, compiled into closures that cannot fail. */
import type { AttributeKind } from './attributes.ts';
import { parseDuration } from './duration.ts';
import { compileGlob } from './glob.ts';
import { nearestName } from './nearest-name.ts';
import type { Problem } from './problem.ts';
import { pointerTo, quoteValue } from './problem.ts';

/** Tells whether a present value matches. */
export type Test = (value: string | number) => boolean;

/** What a matcher says, as data: for reasoning about policies. {@link Matcher.test} says the same for deciding. */
export type MatcherForm =
  | { readonly kind: 'in'; readonly values: ReadonlySet<string> }
  | { readonly kind: 'like'; readonly pattern: string }
  | { readonly kind: 'exists'; readonly expected: boolean }
  | { readonly kind: 'compare'; readonly comparison: Comparison; readonly limit: number }
  | { readonly kind: 'not'; readonly of: MatcherForm }
  | { readonly kind: 'all'; readonly of: readonly MatcherForm[] };

/** The comparisons of numbers and durations. Durations are whole seconds. */
export type Comparison = 'lt' | 'lte' | 'gt' | 'gte';

/** A matcher compiled for one attribute. An unknown value is never passed in: every form is then unknown. */
export interface Matcher {
  /** Whether it holds when the attribute is known to be absent. */
  readonly whenAbsent: boolean;
  readonly test: Test;
  /** When set, no other value can match. The same `@list` gives the same set object everywhere, which the index relies on. */
  readonly onlyValues?: ReadonlySet<string>;
  readonly form: MatcherForm;
}

/** What compiling a matcher needs and fills. */
export interface MatcherContext {
  readonly kind: AttributeKind;
  readonly lists: ReadonlyMap<string, ReadonlySet<string>>;
  /** Problems found are added here. */
  readonly problems: Problem[];
  /** Names of the lists that were referenced are added here. */
  readonly usedLists: Set<string>;
  /** How many `not` stand around the matcher. */
  readonly depth?: number;
}

/** Evaluation must not run out of stack, whatever calls it. */
const NESTING_MAX = 100;

const NEVER: Matcher = { whenAbsent: false, test: () => false, form: { kind: 'in', values: new Set() } };

type MatcherRow = (operand: unknown, context: MatcherContext, pointer: string) => Matcher;

const ROWS: Readonly<Record<string, MatcherRow>> = {
  in: (operand, context, pointer) => {
    if (typeof operand === 'string') return namedList(operand, context, pointer);
    return oneOf(new Set(operand as string[]));
  },
  like: (operand) => {
    const pattern = operand as string;
    const matches = compileGlob(pattern);
    return { whenAbsent: false, test: (value) => matches(value as string), form: { kind: 'like', pattern } };
  },
  exists: (operand) => ({
    whenAbsent: operand === false,
    test: () => operand === true,
    form: { kind: 'exists', expected: operand === true },
  }),
  not: (operand, context, pointer) => {
    const depth = (context.depth ?? 0) + 1;
    if (depth > NESTING_MAX) {
      context.problems.push({
        pointer,
        found: `\`not\` nested ${depth} deep`,
        expected: `at most ${NESTING_MAX} levels`,
      });
      return NEVER;
    }
    const inner = compileMatcher(operand, { ...context, depth }, pointer);
    return {
      whenAbsent: !inner.whenAbsent,
      test: (value) => !inner.test(value),
      form: { kind: 'not', of: inner.form },
    };
  },
  lt: comparison('lt', (value, limit) => value < limit),
  lte: comparison('lte', (value, limit) => value <= limit),
  gt: comparison('gt', (value, limit) => value > limit),
  gte: comparison('gte', (value, limit) => value >= limit),
};

/**
 * Compiles a matcher that has passed the policy schema (which has checked that its forms fit the attribute's kind). What the
 * schema cannot see, an undefined list or a duration too long to count, becomes a problem in `context`.
 */
export function compileMatcher(source: unknown, context: MatcherContext, pointer: string): Matcher {
  if (typeof source === 'string') return equalTo(source);
  if (Array.isArray(source)) return oneOf(new Set(source as string[]));
  const parts = Object.entries(source as object).map(([key, operand]) => {
    const row = ROWS[key];
    // Fail closed: a key that the schema lets through and this table does not know can only be our own bug.
    if (!row) throw new TypeError(`matcher \`${key}\` has no implementation`);
    return row(operand, context, pointerTo(pointer, key));
  });
  const [only, ...rest] = parts;
  if (only && rest.length === 0) return only;
  const onlyValues = parts.find((part) => part.onlyValues)?.onlyValues;
  return {
    whenAbsent: parts.every((part) => part.whenAbsent),
    test: (value) => parts.every((part) => part.test(value)),
    form: { kind: 'all', of: parts.map((part) => part.form) },
    ...(onlyValues && { onlyValues }),
  };
}

function equalTo(text: string): Matcher {
  const values = new Set([text]);
  return { whenAbsent: false, test: (value) => value === text, onlyValues: values, form: { kind: 'in', values } };
}

function oneOf(values: ReadonlySet<string>): Matcher {
  return {
    whenAbsent: false,
    test: (value) => values.has(value as string),
    onlyValues: values,
    form: { kind: 'in', values },
  };
}

function namedList(reference: string, context: MatcherContext, pointer: string): Matcher {
  const name = reference.slice(1);
  const list = context.lists.get(name);
  context.usedLists.add(name);
  if (list) return oneOf(list);
  const nearest = nearestName(name, context.lists.keys());
  context.problems.push({
    pointer,
    found: quoteValue(reference),
    expected: `the name of a list under \`/lists\`${context.lists.size === 0 ? ', which defines none' : ''}`,
    ...(nearest && { suggestion: `@${nearest}` }),
  });
  return NEVER;
}

function comparison(comparison: Comparison, compare: (value: number, limit: number) => boolean): MatcherRow {
  return (operand, context, pointer) => {
    const limit = typeof operand === 'string' ? parseDuration(operand) : (operand as number);
    if (limit === null) {
      context.problems.push({ pointer, found: quoteValue(operand), expected: 'a duration below 2^53 seconds' });
      return NEVER;
    }
    return {
      whenAbsent: false,
      test: (value) => typeof value === 'number' && compare(value, limit),
      form: { kind: 'compare', comparison, limit },
    };
  };
}
