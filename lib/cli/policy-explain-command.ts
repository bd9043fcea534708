/** `vpcep-approver policy explain`: the decision for one connection, rule by rule, condition by condition. Needs no credentials. */
import path from 'node:path';
import { loadConnection } from '../connection-file.ts';
import { explain } from '../core/explain.ts';
import { parseTime } from '../core/time.ts';
import { loadPolicy } from '../policy-file.ts';
import { type Command, EXIT_OK, parseArguments, UsageError } from './command.ts';
import { explanationToJson, printExplanation } from './explanation-report.ts';

export const policyExplainCommand: Command = {
  name: 'policy explain',
  summary: 'show what a policy says about one connection, and why',
  usage: `policy explain FILE --connection FILE.json [--now T] [--json]

  --connection   attributes by name; null is absent, {"unknown": true} unknown,
                 and what is not listed is absent
  --now          RFC 3339 time to evaluate at; the present when left out
  --json         one JSON document on standard output`,
  run: async (args, { terminal, folder }) => {
    const { values, positionals } = parseArguments(
      args,
      { connection: { type: 'string' }, now: { type: 'string' }, json: { type: 'boolean' } },
      ['FILE'],
    );
    if (values.connection === undefined) throw new UsageError('--connection: found nothing, expected a file');
    const now = values.now === undefined ? Date.now() : timeOf(values.now);
    const policy = loadPolicy(path.resolve(folder, positionals[0] ?? ''));
    const attributes = loadConnection(path.resolve(folder, values.connection), policy.reads);
    const explanation = explain(policy, attributes, now);
    if (values.json) terminal.print(JSON.stringify(explanationToJson(policy, explanation, now), null, 2));
    else printExplanation(explanation, terminal);
    return EXIT_OK;
  },
};

function timeOf(text: string): number {
  const time = parseTime(text);
  if (time === null) throw new UsageError(`--now: found \`${text}\`, expected a time like \`2026-11-21T02:00:00Z\``);
  return time;
}
