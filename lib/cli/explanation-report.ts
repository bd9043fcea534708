/** An explanation as a readable tree, and as the JSON document of interfaces.md. Decides nothing. */
import { kindOfAttribute } from '../core/attributes.ts';
import { formatDuration } from '../core/duration.ts';
import type { ClauseTrace, ConditionTrace, Explanation, RuleTrace } from '../core/explain.ts';
import { type Fact, isUnknown } from '../core/fact.ts';
import type { Policy, Rule } from '../core/policy.ts';
import { nameOfTruth, type Truth, truthOf } from '../core/truth.ts';
import { plain, type Terminal, type Tone } from './terminal.ts';

/** Returns the JSON document for an explanation. A rule's validity stands among its conditions as the attribute `now`. */
export function explanationToJson(policy: Policy, { decision, trace }: Explanation, now: number): object {
  return {
    ...decision,
    policy: { name: policy.name, digest: policy.digest },
    trace: trace.map((rule) => ruleToJson(rule, now)),
  };
}

/** Returns how one rule came out, as in the document of {@link explanationToJson}. */
export function ruleToJson(rule: RuleTrace, now: number): object {
  return {
    rule: rule.rule.id,
    effect: rule.effect,
    result: nameOfTruth(rule.result),
    conditions: [...validityToJson(rule, now), ...conditionsOf(rule).map(conditionToJson)],
  };
}

function validityToJson({ rule, isValid }: RuleTrace, now: number): readonly object[] {
  const matcher = validityOf(rule);
  if (!matcher) return [];
  const actual = new Date(now).toISOString();
  return [{ attribute: 'now', matcher, actual, result: nameOfTruth(truthOf(isValid)) }];
}

function validityOf({ validFrom, validUntil }: Rule): { from?: string; until?: string } | null {
  if (!Number.isFinite(validFrom) && !Number.isFinite(validUntil)) return null;
  return {
    ...(Number.isFinite(validFrom) && { from: new Date(validFrom).toISOString() }),
    ...(Number.isFinite(validUntil) && { until: new Date(validUntil).toISOString() }),
  };
}

function conditionsOf({ when, unless }: RuleTrace): readonly ConditionTrace[] {
  return [...when.clauses, ...(unless?.clauses ?? [])].flatMap((clause) => clause.conditions);
}

function conditionToJson({ attribute, matcher, actual, result }: ConditionTrace): object {
  return { attribute, matcher, actual: factToJson(attribute, actual), result: nameOfTruth(result) };
}

function factToJson(attribute: string, fact: Fact): Fact {
  return typeof fact === 'number' && kindOfAttribute(attribute) === 'duration' ? formatDuration(fact) : fact;
}

/** Prints the decision, then every rule as a tree: first those that determined it. */
export function printExplanation({ decision, trace }: Explanation, terminal: Terminal): void {
  const { effect, cause, rules, reason } = decision;
  terminal.print(`${terminal.tone(EFFECT_TONES[effect], effect)} (${cause}): ${plain(reason)}`);
  const determining = new Set(rules);
  const ordered = [...trace].sort((a, b) => Number(determining.has(b.rule.id)) - Number(determining.has(a.rule.id)));
  for (const rule of ordered) {
    terminal.print('');
    printRule(rule, determining.has(rule.rule.id), terminal);
  }
}

/** The colour of each effect. */
export const EFFECT_TONES = { accept: 'good', reject: 'bad', hold: 'warn' } as const satisfies Record<string, Tone>;

/** Prints one rule as a tree; what determined the decision gets a `>`. */
export function printRule(trace: RuleTrace, isDetermining: boolean, terminal: Terminal): void {
  const pointer = isDetermining ? '>' : ' ';
  terminal.print(
    `${pointer} ${truthMark(trace.result, terminal)} ${terminal.tone('strong', trace.rule.id)} (${trace.effect})`,
  );
  const validity = validityOf(trace.rule);
  if (validity) {
    const span = [validity.from && `from ${validity.from}`, validity.until && `until ${validity.until}`];
    terminal.print(`    ${truthMark(truthOf(trace.isValid), terminal)} valid ${span.filter(Boolean).join(' ')}`);
  }
  printClauses('when', trace.when.clauses, terminal);
  if (trace.unless) printClauses('unless', trace.unless.clauses, terminal);
}

function printClauses(title: string, clauses: readonly ClauseTrace[], terminal: Terminal): void {
  for (const [i, clause] of clauses.entries()) {
    const word = i === 0 ? title : 'or';
    terminal.print(`    ${truthMark(clause.result, terminal)} ${word}`);
    for (const { attribute, matcher, actual, result } of clause.conditions) {
      const expected = plain(JSON.stringify(matcher));
      terminal.print(
        `        ${truthMark(result, terminal)} ${plain(attribute)}  expected ${shortened(expected)}, ${actualText(attribute, actual)}`,
      );
    }
  }
}

const MARKS = ['no ', '?  ', 'yes'] as const;
const MARK_TONES = ['dim', 'warn', 'good'] as const;

function truthMark(truth: Truth, terminal: Terminal): string {
  return terminal.tone(MARK_TONES[truth], MARKS[truth]);
}

function actualText(attribute: string, fact: Fact): string {
  if (fact === null) return 'found it absent';
  if (isUnknown(fact)) return 'could not read it';
  return `found ${shortened(plain(JSON.stringify(factToJson(attribute, fact))))}`;
}

function shortened(text: string): string {
  const points = Array.from(text);
  return points.length > 120 ? `${points.slice(0, 119).join('')}…` : text;
}
