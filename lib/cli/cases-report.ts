/** The results of policy cases and the coverage of their rules, for people and as JSON. Runs no case. */
import type { Decision } from '../core/evaluate.ts';
import { explain, type RuleTrace } from '../core/explain.ts';
import { type CaseFile, type CaseResult, type Expectation, rulesInQuestion } from '../policy-cases.ts';
import type { PolicyCoverage } from '../policy-coverage.ts';
import { EFFECT_TONES, printRule, ruleToJson } from './explanation-report.ts';
import { plain, type Terminal } from './terminal.ts';

/** A file of cases and how they came out. */
export interface TestedFile {
  /** As named on the command line. */
  readonly name: string;
  readonly file: CaseFile;
  readonly passed: number;
  readonly failed: readonly CaseResult[];
}

/** The coverage of one policy and the files whose cases count for it. */
export interface TestedPolicy {
  readonly coverage: PolicyCoverage;
  readonly files: readonly string[];
}

/** Beyond this many failed cases of a file the reason of each is the same policy, and the text unreadable. */
const TRACED_MAX = 50;

/** Prints every failed case with what was expected, what was found and the rules that tell why; then the counts and the coverage. */
export function printCases(files: readonly TestedFile[], policies: readonly TestedPolicy[], terminal: Terminal): void {
  for (const file of files) printFile(file, terminal);
  for (const policy of policies) printCoverage(policy, terminal);
}

function printFile(tested: TestedFile, terminal: Terminal): void {
  const { name, file, passed, failed } = tested;
  for (const [i, result] of failed.entries()) {
    printFailure(result, tested, terminal);
    if (i < TRACED_MAX) printRules(result, tested, terminal);
    terminal.print('');
  }
  const tally = `${passed} of ${passed + failed.length} cases pass`;
  const tone = failed.length === 0 ? 'good' : 'bad';
  terminal.print(`${plain(name)}: ${terminal.tone(tone, tally)} (policy ${file.policy.name})`);
}

function printFailure({ case: each, decision }: CaseResult, { name, file }: TestedFile, terminal: Terminal): void {
  const position = file.positionOf(each.pointer);
  const place = position ? `:${position.line}:${position.column}` : '';
  terminal.print(
    `${terminal.tone('bad', 'FAIL')} ${plain(name)}${place}  ${terminal.tone('strong', plain(each.name))}`,
  );
  terminal.print(`  expected  ${expectationText(each.expect, terminal)}`);
  terminal.print(`  found     ${decisionText(decision, terminal)}`);
}

function printRules(result: CaseResult, { file }: TestedFile, terminal: Terminal): void {
  const determining = new Set(result.decision.rules);
  const indented = { ...terminal, print: (text: string) => terminal.print(`  ${text}`) };
  for (const trace of tracesOf(result, file)) printRule(trace, determining.has(trace.rule.id), indented);
}

function expectationText({ effect, cause, rules }: Expectation, terminal: Terminal): string {
  const by = rules === undefined ? '' : ` by ${rules.length === 0 ? 'no rule' : listed(rules)}`;
  return `${terminal.tone(EFFECT_TONES[effect], effect)}${cause ? ` (${cause})` : ''}${by}`;
}

/** Shows a decision on one line. */
export function decisionText(
  { effect, cause, rules, reason }: Pick<Decision, 'effect' | 'rules' | 'reason'> & { readonly cause: string },
  terminal: Terminal,
): string {
  const by = rules.length === 0 ? '' : ` by ${listed(rules)}`;
  return `${terminal.tone(EFFECT_TONES[effect], effect)} (${plain(cause)})${by}: ${plain(reason)}`;
}

/** The traces of the few rules that matter, without judging all others again. */
function tracesOf(result: CaseResult, { policy }: CaseFile): readonly RuleTrace[] {
  const { attributes, now } = result.case;
  return explain({ ...policy, rules: rulesInQuestion(policy, result) }, attributes, now).trace;
}

function printCoverage({ coverage, files }: TestedPolicy, terminal: Terminal): void {
  const { neverTrue, neverFalse } = coverage.gaps();
  const { name, rules } = coverage.policy;
  const seen = `${rules.length - neverTrue.length} seen true, ${rules.length - neverFalse.length} seen false`;
  const over = files.length === 1 ? '' : ` by ${files.length} files`;
  terminal.print('');
  terminal.print(`coverage of ${name}${over}: ${rules.length} rules, ${seen}`);
  if (neverTrue.length > 0) terminal.print(`  ${terminal.tone('warn', 'never true')}   ${listed(neverTrue)}`);
  if (neverFalse.length > 0) terminal.print(`  ${terminal.tone('warn', 'never false')}  ${listed(neverFalse)}`);
}

const LISTED_MAX = 50;

function listed(ids: readonly string[]): string {
  const shown = ids.slice(0, LISTED_MAX).map(plain).join(', ');
  return ids.length > LISTED_MAX ? `${shown} and ${ids.length - LISTED_MAX} more` : shown;
}

/** Returns the JSON document of `policy test`. Traces stand with the first 50 failed cases of each file. */
export function casesToJson(files: readonly TestedFile[], policies: readonly TestedPolicy[], isOk: boolean): object {
  return {
    ok: isOk,
    files: files.map(fileToJson),
    coverage: policies.map(({ coverage, files: names }) => {
      const { neverTrue, neverFalse } = coverage.gaps();
      const { name, digest, rules } = coverage.policy;
      return {
        policy: { name, digest },
        files: names,
        rules: rules.length,
        never_true: neverTrue,
        never_false: neverFalse,
      };
    }),
  };
}

function fileToJson({ name, file, passed, failed }: TestedFile): object {
  return {
    file: name,
    policy: { name: file.policy.name, digest: file.policy.digest },
    cases: passed + failed.length,
    passed,
    failed: failed.map((result, i) => ({
      name: result.case.name,
      pointer: result.case.pointer,
      ...file.positionOf(result.case.pointer),
      expected: result.case.expect,
      actual: result.decision,
      ...(i < TRACED_MAX && { trace: tracesOf(result, file).map((trace) => ruleToJson(trace, result.case.now)) }),
    })),
  };
}
