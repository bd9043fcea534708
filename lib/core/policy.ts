/** Compiles a policy document into the frozen form that `evaluate` runs. Everything that can be wrong with a policy is found here, once. */
import { validatePolicy } from '../compiled/policy-validator.js';
import { kindOfAttribute } from './attributes.ts';
import { type Digest, digestOfJson } from './digest.ts';
import { compileMatcher, type Matcher } from './matchers.ts';
import { indexRules, type RuleIndex } from './policy-index.ts';
import { formatProblem, type Problem, pointerTo, quoteValue } from './problem.ts';
import { problemsOf } from './schema-problems.ts';
import { parseTime } from './time.ts';

/** What a decision, and a rule, can ask for. */
export type Effect = 'accept' | 'reject' | 'hold';

/** One attribute tested by one matcher. */
export interface Condition extends Matcher {
  readonly attribute: string;
  /** The matcher as the policy wrote it, for traces. */
  readonly source: unknown;
}

/** Conditions that must all hold. */
export type Clause = readonly Condition[];

/** One compiled rule. */
export interface Rule {
  readonly id: string;
  /** Where it stands in the document's `rules`, from 0: for messages only, since order never matters. */
  readonly position: number;
  readonly effect: Effect;
  readonly reason: string;
  /** Holds when any clause holds. Never empty. */
  readonly when: readonly Clause[];
  /** The rule needs this to be false; empty when the rule has none. */
  readonly unless: readonly Clause[];
  /** Milliseconds since the Unix epoch; `validFrom <= now < validUntil`. Infinite when open. */
  readonly validFrom: number;
  readonly validUntil: number;
  /** Names of the attributes that the rule tests, sorted, each once. */
  readonly reads: readonly string[];
}

/** A policy, ready to evaluate. */
export interface Policy {
  readonly name: string;
  /** Identity of the document: what decision ids and audit records name. */
  readonly digest: Digest;
  readonly default: 'hold' | 'reject';
  /** Sorted by id. */
  readonly rules: readonly Rule[];
  readonly index: RuleIndex;
  /** Names of the attributes that some rule tests, sorted, each once. */
  readonly reads: readonly string[];
  /** Lists that no rule references, sorted. */
  readonly unusedLists: readonly string[];
}

/** A document that is no policy. Lists every problem, not the first. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly code = 'invalid-policy';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

interface RuleSource {
  readonly id: string;
  readonly effect: Effect;
  readonly reason: string;
  readonly when: ClauseSource | readonly ClauseSource[];
  readonly unless?: ClauseSource | readonly ClauseSource[];
  readonly valid?: { readonly from?: string; readonly until?: string };
}
type ClauseSource = Readonly<Record<string, unknown>>;

interface PolicySource {
  readonly name: string;
  readonly default?: 'hold' | 'reject';
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly RuleSource[];
}

/**
 * Compiles the policy `document`, a parsed JSON value.
 *
 * @throws PolicyError with every problem when it does not follow policy.md.
 */
export function compilePolicy(document: unknown): Policy {
  try {
    return compileDocument(document);
  } catch (error) {
    // The schema bounds every width, but not how deep `not` may be nested: there the stack is the bound.
    if (!(error instanceof RangeError)) throw error;
    throw new PolicyError([
      { pointer: '', found: 'matchers nested too deeply to read', expected: 'fewer levels of `not`' },
    ]);
  }
}

function compileDocument(document: unknown): Policy {
  if (!validatePolicy(document)) {
    const problems = problemsOf(validatePolicy.errors ?? [], document);
    throw new PolicyError([...problems, ...problemsInSoundRules(document, problems)]);
  }
  const source = document as PolicySource;
  const problems: Problem[] = [];
  const usedLists = new Set<string>();
  const lists = new Map(Object.entries(source.lists ?? {}).map(([name, items]) => [name, new Set(items)]));

  const rules = source.rules.map((rule, i) => compileRule(rule, i, { lists, problems, usedLists }));
  findDuplicateIds(source.rules.entries(), problems);
  const digest = digestOrProblem(document as Record<string, unknown>, problems);
  if (problems.length > 0 || digest === undefined) throw new PolicyError(problems);

  // Sorted once here, so that the ids in a decision come out sorted without work.
  rules.sort((a, b) => (a.id < b.id ? -1 : 1));
  return Object.freeze({
    name: source.name,
    digest,
    default: source.default ?? 'hold',
    rules: Object.freeze(rules),
    index: indexRules(rules),
    reads: sortedUnion(rules.map((rule) => rule.reads)),
    unusedLists: [...lists.keys()].filter((name) => !usedLists.has(name)).sort(),
  });
}

/** Finds what the schema cannot see in the rules that it has nothing against, so that one slip does not hide another. */
function problemsInSoundRules(document: unknown, found: readonly Problem[]): readonly Problem[] {
  const { lists, rules } = Object(document) as Partial<Record<keyof PolicySource, unknown>>;
  const broken = new Set(found.map(({ pointer }) => pointer.split('/', 3).join('/')));
  if (!Array.isArray(rules) || broken.has('/rules')) return [];
  const problems: Problem[] = [];
  const context = {
    // Only the names count here: a list that is broken is still defined.
    lists: new Map(Object.keys(Object(lists) as object).map((name) => [name, new Set<string>()])),
    problems,
    usedLists: new Set<string>(),
  };
  const sound = [...(rules as RuleSource[]).entries()].filter(([i]) => !broken.has(`/rules/${i}`));
  for (const [i, rule] of sound) compileRule(rule, i, context);
  findDuplicateIds(sound, problems);
  return problems;
}

interface RuleContext {
  readonly lists: ReadonlyMap<string, ReadonlySet<string>>;
  readonly problems: Problem[];
  readonly usedLists: Set<string>;
}

function compileRule(source: RuleSource, position: number, context: RuleContext): Rule {
  const pointer = `/rules/${position}`;
  const when = compileClauses(source.when, `${pointer}/when`, context);
  const unless = source.unless === undefined ? [] : compileClauses(source.unless, `${pointer}/unless`, context);
  const conditions = [...when, ...unless].flat();
  return Object.freeze({
    id: source.id,
    position,
    effect: source.effect,
    reason: source.reason,
    when,
    unless,
    ...compileValidity(source.valid, `${pointer}/valid`, context.problems),
    reads: sortedUnion([conditions.map((condition) => condition.attribute)]),
  });
}

function compileClauses(
  source: ClauseSource | readonly ClauseSource[],
  pointer: string,
  context: RuleContext,
): readonly Clause[] {
  if (!isArray(source)) return [compileClause(source, pointer, context)];
  return source.map((clause, i) => compileClause(clause, pointerTo(pointer, i), context));
}

function compileClause(source: ClauseSource, pointer: string, context: RuleContext): Clause {
  return Object.entries(source).map(([attribute, matcher]) => {
    const kind = kindOfAttribute(attribute);
    // Fail closed: the schema and the attribute table disagree, which a test rules out.
    if (!kind) throw new TypeError(`attribute \`${attribute}\` has no row`);
    const compiled = compileMatcher(matcher, { ...context, kind }, pointerTo(pointer, attribute));
    return { ...compiled, attribute, source: matcher };
  });
}

function compileValidity(
  source: RuleSource['valid'],
  pointer: string,
  problems: Problem[],
): Pick<Rule, 'validFrom' | 'validUntil'> {
  const validFrom = timeAt(source?.from, `${pointer}/from`, Number.NEGATIVE_INFINITY, problems);
  const validUntil = timeAt(source?.until, `${pointer}/until`, Number.POSITIVE_INFINITY, problems);
  if (validFrom >= validUntil) {
    problems.push({ pointer, found: quoteValue(source), expected: '`from` before `until`' });
  }
  return { validFrom, validUntil };
}

function timeAt(text: string | undefined, pointer: string, open: number, problems: Problem[]): number {
  if (text === undefined) return open;
  const time = parseTime(text);
  if (time !== null) return time;
  problems.push({ pointer, found: quoteValue(text), expected: 'a time that exists, like `2027-12-31T00:00:00Z`' });
  return open;
}

function findDuplicateIds(rules: Iterable<[number, RuleSource]>, problems: Problem[]): void {
  const first = new Map<string, number>();
  for (const [i, { id }] of rules) {
    const before = first.get(id);
    if (before === undefined) first.set(id, i);
    else
      problems.push({
        pointer: `/rules/${i}/id`,
        found: `${quoteValue(id)} again`,
        expected: `an id that \`/rules/${before}\` does not have`,
      });
  }
}

function digestOrProblem(document: Record<string, unknown>, problems: Problem[]): Digest | undefined {
  const { $schema: _, ...identity } = document;
  try {
    return digestOfJson(identity);
  } catch (error) {
    // Too deep is for `compilePolicy` to say.
    if (error instanceof RangeError) throw error;
    const found = 'a text with half of a surrogate pair';
    problems.push({ pointer: illFormedIn(identity, ''), found, expected: 'well-formed Unicode text' });
    return undefined;
  }
}

/** Where the first text, or key, without a UTF-8 form stands. */
function illFormedIn(value: unknown, pointer: string): string {
  if (typeof value !== 'object' || value === null) return pointer;
  const isBad = (text: unknown) => typeof text === 'string' && !text.isWellFormed();
  for (const [key, member] of Object.entries(value)) {
    const here = pointerTo(pointer, key);
    if (isBad(key) || isBad(member)) return here;
    const inside = illFormedIn(member, here);
    if (inside !== here) return inside;
  }
  return pointer;
}

function sortedUnion(names: readonly (readonly string[])[]): readonly string[] {
  return Object.freeze([...new Set(names.flat())].sort());
}

function isArray<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
