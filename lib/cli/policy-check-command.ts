/** `vpcep-approver policy check`: is the file a policy, and is there anything odd about it. */
import path from 'node:path';
import { checkPolicy } from '../core/check-policy.ts';
import type { Policy } from '../core/policy.ts';
import { DocumentError } from '../document-error.ts';
import { loadPolicy } from '../policy-file.ts';
import { type Command, EXIT_OK, EXIT_USAGE, EXIT_WRONG, parseArguments } from './command.ts';

export const policyCheckCommand: Command = {
  name: 'policy check',
  summary: 'find errors and warnings in a policy',
  usage: `policy check FILE [--strict] [--json]

  --strict   exit 1 on warnings too
  --json     one JSON document on standard output`,
  run: async (args, { terminal, folder }) => {
    const { values, positionals } = parseArguments(
      args,
      { strict: { type: 'boolean' }, json: { type: 'boolean' } },
      ['FILE'],
    );
    const file = positionals[0] ?? '';
    const checked = check(path.resolve(folder, file));
    if (checked.policy === null) {
      if (values.json) terminal.print(JSON.stringify({ ok: false, errors: checked.errors, warnings: [] }, null, 2));
      else for (const line of checked.errors) terminal.complain(line);
      return EXIT_USAGE;
    }
    const { policy } = checked;
    const warnings = checkPolicy(policy, Date.now());
    if (values.json) {
      const identity = { name: policy.name, digest: policy.digest };
      terminal.print(JSON.stringify({ ok: true, policy: identity, errors: [], warnings }, null, 2));
    } else {
      for (const { pointer, message } of warnings) terminal.print(`${file}: ${terminal.tone('warn', 'warning')} ${pointer}: ${message}`);
      terminal.print(`${file}: policy ${policy.name}, ${policy.rules.length} rules, ${policy.digest}`);
    }
    return values.strict && warnings.length > 0 ? EXIT_WRONG : EXIT_OK;
  },
};

function check(file: string): { policy: Policy } | { policy: null; errors: readonly string[] } {
  try {
    return { policy: loadPolicy(file) };
  } catch (error) {
    if (error instanceof DocumentError) return { policy: null, errors: error.lines };
    throw error;
  }
}
