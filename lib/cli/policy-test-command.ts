/** `vpcep-approver policy test`: whether a policy decides as its author wrote down, and which rules nobody tried. Needs no credentials. */
import path from 'node:path';
import { DocumentError } from '../document-error.ts';
import { type CaseFile, type CaseResult, loadCases, runCase } from '../policy-cases.ts';
import { PolicyCoverage } from '../policy-coverage.ts';
import { casesToJson, printCases, type TestedFile } from './cases-report.ts';
import { type Command, EXIT_OK, EXIT_WRONG, parseArguments } from './command.ts';

export const policyTestCommand: Command = {
  name: 'policy test',
  summary: 'run cases against their policy, and see which rules none of them tried',
  usage: `policy test FILE.cases.json... [--require-coverage] [--json]

  --require-coverage   exit 1 also when no case made some rule true, or none made it false;
                       files about the same policy count together
  --json               one JSON document on standard output

A file names its policy and lists cases: {"policy": "policy.json", "cases": [{"name": "…",
"now": "2026-11-21T12:00:00Z", "connection": {"domain_id": "…"}, "expect": {"effect": "accept"}}]}.
What a connection does not list is absent; null is absent, {"unknown": true} unknown.`,
  run: async (args, { terminal, folder }) => {
    const { values, positionals } = parseArguments(
      args,
      { 'require-coverage': { type: 'boolean' }, json: { type: 'boolean' } },
      ['FILE.cases.json...'],
    );
    const files = loadAll(positionals, folder);
    const policies = new Map<string, { coverage: PolicyCoverage; files: string[] }>();
    const tested = files.map(({ name, file }): TestedFile => {
      const { digest } = file.policy;
      const policy = policies.get(digest) ?? { coverage: new PolicyCoverage(file.policy), files: [] };
      policies.set(digest, policy);
      policy.files.push(name);
      const failed = runAll(file, policy.coverage);
      return { name, file, passed: file.cases.length - failed.length, failed };
    });
    const isCovered = [...policies.values()].every(({ coverage }) => {
      const { neverTrue, neverFalse } = coverage.gaps();
      return neverTrue.length === 0 && neverFalse.length === 0;
    });
    const isOk = tested.every(({ failed }) => failed.length === 0) && (isCovered || !values['require-coverage']);
    if (values.json) terminal.printJson(casesToJson(tested, [...policies.values()], isOk));
    else printCases(tested, [...policies.values()], terminal);
    return isOk ? EXIT_OK : EXIT_WRONG;
  },
};

/** Loads every file, each once. Throws DocumentError with the problems of all. */
function loadAll(names: readonly string[], folder: string): readonly { name: string; file: CaseFile }[] {
  const loaded = new Map<string, { name: string; file: CaseFile }>();
  const lines: string[] = [];
  for (const name of names) {
    const file = path.resolve(folder, name);
    try {
      if (!loaded.has(file)) loaded.set(file, { name, file: loadCases(file) });
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      lines.push(...error.lines);
    }
  }
  if (lines.length > 0) throw new DocumentError(folder, lines);
  return [...loaded.values()];
}

/** Runs all cases of a file and returns those that fail. */
function runAll({ policy, cases }: CaseFile, coverage: PolicyCoverage): readonly CaseResult[] {
  return cases.flatMap((each) => {
    coverage.add(each.attributes, each.now);
    const result = runCase(policy, each);
    return result.passes ? [] : [result];
  });
}
