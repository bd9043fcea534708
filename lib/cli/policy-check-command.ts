/** `vpcep-approver policy check`: is the file a policy, and is there anything odd about it. */
import path from 'node:path';
import { checkPolicy } from '../core/check-policy.ts';
import type { Policy } from '../core/policy.ts';
import { formatProblem } from '../core/problem.ts';
import { DocumentError, invalidDocument } from '../document-error.ts';
import { JsonTextError, type TextPosition } from '../json-text.ts';
import { loadPolicyText, type PolicyText } from '../policy-file.ts';
import { type Command, EXIT_OK, EXIT_USAGE, EXIT_WRONG, parseArguments } from './command.ts';
import { plain, type Terminal } from './terminal.ts';

export const policyCheckCommand: Command = {
  name: 'policy check',
  summary: 'find errors and warnings in a policy',
  usage: `policy check FILE [--strict] [--json]

  --strict   exit 1 on warnings too
  --json     one JSON document on standard output

Exit codes: 0 no errors, 1 warnings with --strict, 2 errors. A warning names its code, the
place in the policy, what is odd and what to do about it.`,
  run: async (args, { terminal, folder }) => {
    const { values, positionals } = parseArguments(args, { strict: { type: 'boolean' }, json: { type: 'boolean' } }, [
      'FILE',
    ]);
    const name = positionals[0] ?? '';
    const checked = check(path.resolve(folder, name), Date.now());
    const hasFailed = values.strict === true && checked.warnings.length > 0;
    if (checked.policy === null) terminal.complain(checked.lines.map(plain).join('\n'));
    if (values.json) terminal.printJson(toJson(checked, checked.policy !== null && !hasFailed));
    else if (checked.policy !== null) print(name, checked.policy, checked.warnings, terminal);
    if (checked.policy === null) return EXIT_USAGE;
    return hasFailed ? EXIT_WRONG : EXIT_OK;
  },
};

/** An error or a warning as `--json` shows it. */
interface Remark extends Partial<TextPosition> {
  readonly pointer: string;
  readonly message: string;
}
interface ErrorRemark extends Remark {
  readonly found: string;
  readonly expected: string;
  readonly suggestion?: string;
}
interface WarningRemark extends Remark {
  readonly code: string;
  readonly suggestion: string;
}

interface Checked {
  readonly policy: Policy | null;
  readonly errors: readonly ErrorRemark[];
  /** The errors for people. */
  readonly lines: readonly string[];
  readonly warnings: readonly WarningRemark[];
}

function check(file: string, now: number): Checked {
  let text: PolicyText;
  try {
    text = loadPolicyText(file);
  } catch (error) {
    if (error instanceof DocumentError) return unreadable(error);
    throw error;
  }
  const { policy, problems, positionOf } = text;
  return {
    policy,
    errors: problems.map((problem) => ({
      ...problem,
      ...positionOf(problem.pointer),
      message: formatProblem(problem),
    })),
    lines: invalidDocument(file, problems, positionOf).lines,
    warnings: policy ? checkPolicy(policy, now).map((finding) => ({ ...finding, ...positionOf(finding.pointer) })) : [],
  };
}

function unreadable({ cause, lines }: DocumentError): Checked {
  const isText = cause instanceof JsonTextError;
  const error: ErrorRemark = {
    pointer: '',
    found: isText ? 'a text that is not JSON' : 'no file that can be read',
    expected: 'a policy',
    ...(isText && cause.position),
    message: isText ? cause.message : lines.join(' '),
  };
  return { policy: null, errors: [error], lines, warnings: [] };
}

function toJson({ policy, errors, warnings }: Checked, isOk: boolean): object {
  return {
    ok: isOk,
    policy: policy && { name: policy.name, digest: policy.digest },
    errors,
    warnings,
  };
}

function print(name: string, policy: Policy, warnings: readonly WarningRemark[], terminal: Terminal): void {
  const lines = warnings.map(({ code, pointer, message, suggestion, line, column }) => {
    const place = line === undefined ? '' : `:${line}:${column}`;
    const sentence = plain(`${pointer}: ${message}; ${suggestion}`);
    return `${plain(name)}${place}: ${terminal.tone('warn', 'warning')} ${code} ${sentence}`;
  });
  const { length } = policy.rules;
  lines.push(`${plain(name)}: policy ${policy.name}, ${length} ${length === 1 ? 'rule' : 'rules'}, ${policy.digest}`);
  terminal.print(lines.join('\n'));
}
