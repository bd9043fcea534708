/** Reads and runs policy cases: what a policy must decide for connections that somebody made up. Prints nothing. */
import path from 'node:path';
import { validateCases } from './compiled/cases-validator.js';
import { readConnection } from './connection-file.ts';
import type { Attributes } from './core/attributes.ts';
import { type Cause, type Decision, evaluate, truthOfCondition, truthOfRule } from './core/evaluate.ts';
import { nearestName } from './core/nearest-name.ts';
import { compilePolicy, type Effect, type Policy, PolicyError, type Rule } from './core/policy.ts';
import { type Problem, quoteName, quoteValue } from './core/problem.ts';
import { problemsOf } from './core/schema-problems.ts';
import { parseTime } from './core/time.ts';
import { FALSE, TRUE } from './core/truth.ts';
import { DocumentError, invalidDocument } from './document-error.ts';
import type { JsonText, TextPosition } from './json-text.ts';
import { loadPolicy, readJsonFile } from './policy-file.ts';

/** What a case asks for. What is left out may be anything. */
export interface Expectation {
  readonly effect: Effect;
  readonly cause?: Cause;
  /** Exactly the determining rules, sorted. */
  readonly rules?: readonly string[];
}

/** One case, ready to run. */
export interface PolicyCase {
  readonly name: string;
  /** Where it stands in its file. */
  readonly pointer: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly attributes: Attributes;
  readonly expect: Expectation;
}

/** The cases of one file and the policy they are about. */
export interface CaseFile {
  readonly path: string;
  readonly policy: Policy;
  readonly cases: readonly PolicyCase[];
  readonly positionOf: (pointer: string) => TextPosition | undefined;
}

/** A case and what the policy decided. */
export interface CaseResult {
  readonly case: PolicyCase;
  readonly decision: Decision;
  readonly passes: boolean;
}

interface CaseSource {
  readonly name: string;
  readonly now: string;
  readonly connection: object;
  readonly expect: Expectation;
}

/**
 * Reads the cases in the file `file` (an absolute path) and their policy.
 *
 * @throws DocumentError with every problem of both.
 */
export function loadCases(file: string): CaseFile {
  const text = readJsonFile(file, 'policy cases: an object with `policy` and `cases`');
  const problems = validateCases(text.value) ? [] : [...problemsOf(validateCases.errors ?? [], text.value)];
  const policy = loadPolicyOf(text, file, problems);
  const cases = compileCases(text.value, policy instanceof DocumentError ? null : policy, problems);
  const lines = problems.length > 0 ? invalidDocument(file, problems, text.positionOf).lines : [];
  if (policy instanceof DocumentError) throw new DocumentError(file, [...lines, ...policy.lines], policy);
  if (policy === null || lines.length > 0) throw new DocumentError(file, lines);
  return { path: file, policy, cases, positionOf: text.positionOf };
}

/** The policy named or written in a cases file; `null`, with or without a new problem, when there is none to be had. */
function loadPolicyOf(text: JsonText, file: string, problems: Problem[]): Policy | DocumentError | null {
  const source: unknown = Object(text.value).policy;
  try {
    if (typeof source === 'string' && source !== '') return loadPolicy(path.resolve(path.dirname(file), source));
    return typeof source === 'object' && source !== null && !Array.isArray(source) ? compilePolicy(source) : null;
  } catch (error) {
    if (error instanceof DocumentError) return error;
    if (!(error instanceof PolicyError)) throw error;
    problems.push(...error.problems.map((problem) => ({ ...problem, pointer: `/policy${problem.pointer}` })));
    return null;
  }
}

/** Compiles every case that the schema has nothing against, so that one slip does not hide another. */
function compileCases(document: unknown, policy: Policy | null, problems: Problem[]): readonly PolicyCase[] {
  const sources: unknown = Object(document).cases;
  if (!Array.isArray(sources)) return [];
  const broken = new Set(problems.map(({ pointer }) => pointer.split('/', 3).join('/')));
  const names = new Map<string, string>();
  const checkRule = policy === null ? null : ruleCheck(policy, problems);
  return [...(sources as CaseSource[]).entries()].flatMap(([i, source]) => {
    const pointer = `/cases/${i}`;
    if (broken.has(pointer)) return [];
    const before = names.get(source.name);
    if (before === undefined) names.set(source.name, pointer);
    else {
      const expected = `a name that \`${before}\` does not have`;
      problems.push({ pointer: `${pointer}/name`, found: `${quoteName(source.name)} again`, expected });
    }
    for (const [at, id] of (source.expect.rules ?? []).entries()) checkRule?.(id, `${pointer}/expect/rules/${at}`);
    return [compileCase(source, pointer, policy?.reads ?? [], problems)];
  });
}

function compileCase(source: CaseSource, pointer: string, reads: readonly string[], problems: Problem[]): PolicyCase {
  const now = parseTime(source.now);
  if (now === null) {
    const expected = 'a time that exists, like `2026-11-21T12:00:00Z`';
    problems.push({ pointer: `${pointer}/now`, found: quoteValue(source.now), expected });
  }
  const connection = readConnection(source.connection, reads, `${pointer}/connection`);
  problems.push(...connection.problems);
  const { rules, ...expect } = source.expect;
  return {
    name: source.name,
    pointer,
    now: now ?? 0,
    attributes: connection.attributes,
    expect: { ...expect, ...(rules && { rules: [...rules].sort() }) },
  };
}

/** Looking for the name that was meant costs a look at every rule; a file that is wrong throughout gets it for this many. */
const SUGGESTIONS_MAX = 20;

function ruleCheck(policy: Policy, problems: Problem[]): (id: string, pointer: string) => void {
  const ids = new Set(policy.rules.map((rule) => rule.id));
  let suggestions = 0;
  return (id, pointer) => {
    if (ids.has(id)) return;
    suggestions += 1;
    const suggestion = suggestions > SUGGESTIONS_MAX ? undefined : nearestName(id, ids);
    problems.push({
      pointer,
      found: `${quoteName(id)}, which is no rule of the policy \`${policy.name}\``,
      expected: 'the id of one of its rules',
      ...(suggestion !== undefined && { suggestion }),
    });
  };
}

/** Runs one case. */
export function runCase(policy: Policy, each: PolicyCase): CaseResult {
  const decision = evaluate(policy, each.attributes, each.now);
  const { effect, cause, rules } = each.expect;
  const passes =
    decision.effect === effect &&
    (cause === undefined || decision.cause === cause) &&
    (rules === undefined ||
      (rules.length === decision.rules.length && rules.every((id, i) => decision.rules[i] === id)));
  return { case: each, decision, passes };
}

/** How many rules of a kind are shown beside a failed case. */
const SHOWN_MAX = 3;

/**
 * Returns the rules that tell why a case failed: those that determined the decision, then those that the case names and that
 * did not; where it names none and the effect is another, the rules of the expected effect that came nearest to being true.
 */
export function rulesInQuestion(policy: Policy, { case: each, decision }: CaseResult): readonly Rule[] {
  const { effect, rules } = each.expect;
  const byId = new Map(policy.rules.map((rule) => [rule.id, rule]));
  const determining = new Set(decision.rules);
  const missed = (rules ?? []).filter((id) => !determining.has(id));
  const named = [...decision.rules.slice(0, SHOWN_MAX), ...missed.slice(0, SHOWN_MAX)];
  const found = named.flatMap((id) => byId.get(id) ?? []);
  if (missed.length > 0 || effect === decision.effect) return found;
  return [...found, ...nearMisses(policy, effect, determining, each)];
}

function nearMisses(
  policy: Policy,
  effect: Effect,
  apart: ReadonlySet<string>,
  { attributes, now }: PolicyCase,
): readonly Rule[] {
  const rated = policy.rules
    .filter((rule) => rule.effect === effect && !apart.has(rule.id))
    .map((rule) => ({ rule, truth: truthOfRule(rule, attributes, now), distance: distanceOf(rule, attributes) }))
    // A true rule of the expected effect was overruled, which the determining rules tell.
    .filter(({ truth }) => truth !== TRUE);
  rated.sort((a, b) => b.truth - a.truth || a.distance - b.distance || (a.rule.id < b.rule.id ? -1 : 1));
  const [nearest] = rated;
  const nearer = rated.filter(({ truth, distance }) => truth === nearest?.truth && distance === nearest.distance);
  return nearer.slice(0, SHOWN_MAX).map(({ rule }) => rule);
}

/** The part of false conditions in the clause that is nearest to being true: half of two is as near as two of four. */
function distanceOf({ when }: Rule, attributes: Attributes): number {
  return Math.min(
    ...when.map((clause) => {
      const failing = clause.filter((condition) => truthOfCondition(condition, attributes) === FALSE);
      return failing.length / clause.length;
    }),
  );
}
