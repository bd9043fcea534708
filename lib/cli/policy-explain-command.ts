/** `vpcep-approver policy explain`: the decision for one connection, rule by rule, condition by condition. Needs no credentials. */
import path from 'node:path';
import { loadConnection } from '../connection-file.ts';
import { explain } from '../core/explain.ts';
import { quoteName } from '../core/problem.ts';
import { parseTime } from '../core/time.ts';
import { loadPastDecision } from '../past-decision.ts';
import { loadPolicy } from '../policy-file.ts';
import { type Command, EXIT_OK, parseArguments, UsageError } from './command.ts';
import { explanationToJson, printExplanation } from './explanation-report.ts';
import { pastToJson, printPast } from './past-decision-report.ts';

export const policyExplainCommand: Command = {
  name: 'policy explain',
  summary: 'show what a policy says about one connection, and why',
  usage: `policy explain FILE (--connection FILE.json [--now T] | --record TRAIL-FILE:LINE) [--json]

  --connection   attributes by name; null is absent, {"unknown": true} unknown,
                 and what is not listed is absent
  --now          RFC 3339 time to evaluate at; the present when left out
  --record       attributes and time of a past decision: a segment of the trail and a line in it, from 1;
                 what the policy reads and the record lacks is unknown
  --json         one JSON document on standard output`,
  run: async (args, { terminal, folder }) => {
    const { values, positionals } = parseArguments(
      args,
      {
        connection: { type: 'string' },
        record: { type: 'string' },
        now: { type: 'string' },
        json: { type: 'boolean' },
      },
      ['FILE'],
    );
    const file = path.resolve(folder, positionals[0] ?? '');
    if (values.record !== undefined) {
      if (values.connection !== undefined) {
        throw new UsageError('--record: found it with --connection, expected one of the two');
      }
      if (values.now !== undefined) {
        throw new UsageError('--now: found it with --record, expected it without: the record has its own time');
      }
      const place = placeOf(values.record);
      const policy = loadPolicy(file);
      const past = loadPastDecision(path.resolve(folder, place.file), place.line, policy.reads);
      const explanation = explain(policy, past.attributes, past.time);
      if (values.json) {
        terminal.printJson({ ...explanationToJson(policy, explanation, past.time), record: pastToJson(past, policy) });
      } else {
        printPast(past, policy, terminal);
        printExplanation(explanation, terminal);
      }
      return EXIT_OK;
    }
    if (values.connection === undefined) {
      throw new UsageError('--connection: found nothing, expected a file (or --record with a line of the trail)');
    }
    const now = values.now === undefined ? Date.now() : timeOf(values.now);
    const policy = loadPolicy(file);
    const attributes = loadConnection(path.resolve(folder, values.connection), policy.reads);
    const explanation = explain(policy, attributes, now);
    if (values.json) terminal.printJson(explanationToJson(policy, explanation, now));
    else printExplanation(explanation, terminal);
    return EXIT_OK;
  },
};

function placeOf(text: string): { readonly file: string; readonly line: number } {
  const [, file, line] = /^(.+):([1-9][0-9]{0,8})$/s.exec(text) ?? [];
  if (file !== undefined) return { file, line: Number(line) };
  throw new UsageError(
    `--record: found ${quoteName(text)}, expected a file and a line from 1, like \`000001.jsonl:2\``,
  );
}

/** Reads the value of `--now` into milliseconds since the Unix epoch. */
export function timeOf(text: string): number {
  const time = parseTime(text);
  if (time === null)
    throw new UsageError(`--now: found ${quoteName(text)}, expected a time like \`2026-11-21T02:00:00Z\``);
  return time;
}
