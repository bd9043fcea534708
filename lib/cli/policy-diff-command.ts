/** `vpcep-approver policy diff`: which decisions change from one policy to another, over made-up, past or live connections. Changes nothing anywhere. */
import path from 'node:path';
import { surveyLive } from '../approver.ts';
import { openStore } from '../audit/open-store.ts';
import { subjectOf } from '../audit/record.ts';
import type { TrailStore } from '../audit/store.ts';
import { readBuildInfo } from '../build-info.ts';
import { type Config, configPath, loadConfig } from '../config.ts';
import { loadConnections } from '../connection-file.ts';
import { quoteName } from '../core/problem.ts';
import { DocumentError } from '../document-error.ts';
import { backtest } from '../policy-backtest.ts';
import { compareAt, compareDecisions, diffOf, type PolicyPair, type Verdict } from '../policy-diff.ts';
import { loadPolicy } from '../policy-file.ts';
import { decideLive, type LiveDecision } from '../reconcile/survey.ts';
import { type Command, EXIT_OK, EXIT_WRONG, parseArguments, type Surroundings, UsageError } from './command.ts';
import { type DiffReport, diffToJson, printDiff } from './diff-report.ts';
import { timeOf } from './policy-explain-command.ts';
import { createProgress } from './with-approver.ts';

const OPTIONS = {
  connections: { type: 'string' },
  audit: { type: 'string' },
  live: { type: 'boolean' },
  now: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const policyDiffCommand: Command = {
  name: 'policy diff',
  summary: 'show which decisions change between two policies',
  usage: `policy diff OLD NEW (--connections FILE.json | --audit [STORE] | --live) [--now T] [--json] [--config FILE]

  --connections   an array of connections, attributes by name, as in cases
  --audit         the connections of a past trail, each at its latest record and that record's time;
                  what a policy reads and the record lacks is unknown. STORE is a directory or file:…,
                  the configuration's own when nothing, or another option, follows
  --live          the pending and accepted connections of all targets; reads only, and writes no trail
  --now           RFC 3339 time to evaluate at; the present when left out; not with --audit
  --json          one JSON document on standard output

Exit codes: 0 no decision changes; 1 some do, or not everything could be read; 2 wrong usage.`,
  run: async (args, surroundings) => {
    const { words, isConfigured } = withoutBareAudit(args);
    const { values, positionals } = parseArguments(words, OPTIONS, ['OLD', 'NEW']);
    const sources = [
      values.connections !== undefined && '--connections',
      (values.audit !== undefined || isConfigured) && '--audit',
      values.live && '--live',
    ].filter((source) => typeof source === 'string');
    const isTwice = values.audit !== undefined && isConfigured;
    if (sources.length !== 1 || isTwice) {
      const found = sources.length === 0 ? 'none' : isTwice ? '`--audit` twice' : sources.join(' and ');
      throw new UsageError(`connections: found ${found}, expected one of --connections, --audit, --live`);
    }
    if (sources[0] === '--audit' && values.now !== undefined) {
      throw new UsageError('--now: found it with --audit, expected it without: each record has its own time');
    }
    const now = values.now === undefined ? Date.now() : timeOf(values.now);
    const pair = loadPair(positionals, surroundings.folder);
    const report =
      values.connections !== undefined
        ? diffOverFile(pair, values.connections, now, surroundings)
        : values.live
          ? await diffOverLive(pair, values.config, now, surroundings)
          : await diffOverTrail(pair, values, surroundings);
    return show(report, values.json ?? false, surroundings);
  },
};

/** `--audit` may stand without a value, which `parseArgs` has no word for. */
function withoutBareAudit(args: readonly string[]): { words: readonly string[]; isConfigured: boolean } {
  const end = args.indexOf('--');
  const isBare = (word: string, i: number): boolean =>
    word === '--audit' && (end < 0 || i < end) && (args[i + 1] ?? '-').startsWith('-');
  const words = args.filter((word, i) => !isBare(word, i));
  if (args.length - words.length > 1) throw new UsageError('--audit: found it twice, expected it once');
  return { words, isConfigured: words.length < args.length };
}

/** Loads both policies. Throws DocumentError with the problems of both. */
function loadPair([from = '', to = '']: readonly string[], folder: string): PolicyPair {
  const lines: string[] = [];
  const policies = [...new Set([from, to])].map((name) => {
    try {
      return loadPolicy(path.resolve(folder, name));
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      lines.push(...error.lines);
      return null;
    }
  });
  const [old, changed = old] = policies;
  if (!old || !changed) throw new DocumentError(folder, lines);
  return { from: old, to: changed };
}

function diffOverFile(pair: PolicyPair, name: string, now: number, { folder }: Surroundings): DiffReport {
  const reads = [...new Set([...pair.from.reads, ...pair.to.reads])];
  const connections = loadConnections(path.resolve(folder, name), reads);
  const comparisons = connections.map((attributes, i) =>
    compareAt(pair, attributes, now, () => {
      const [id, domainId] = [attributes.get('endpoint_id'), attributes.get('domain_id')];
      return {
        ...(typeof id === 'string' && { id }),
        pointer: `/${i}`,
        ...(typeof domainId === 'string' && { domain_id: domainId }),
      };
    }),
  );
  const over = `${counted(connections.length, 'connection')} of ${quoteName(name)}`;
  return { pair, diff: diffOf(comparisons), over, problems: [], isComplete: true };
}

async function diffOverTrail(
  pair: PolicyPair,
  flags: { readonly audit?: string | undefined; readonly config?: string | undefined },
  surroundings: Surroundings,
): Promise<DiffReport> {
  const { terminal, stop } = surroundings;
  const store = storeOf(flags, surroundings);
  const progress = createProgress(terminal, 'reading the trail');
  progress.begin();
  const observe = (decisions: number) => progress.note(`${decisions} decision records read`);
  const result = await backtest(store, pair, { stop, observe }).finally(progress.end);
  const { diff, runs, decisions, problems, problemCount, isWhole } = result;
  // A folder that is not there reads as an empty trail: "nothing changes" would be the answer to a slip of the pen.
  if (runs === 0) throw new UsageError(`--audit: found no run in ${quoteName(store.describe())}, expected a trail`);
  const more = problemCount - problems.length;
  return {
    pair,
    diff,
    over: `${counted(diff.evaluated, 'connection')} of ${counted(decisions, 'decision record')}`,
    problems: [
      ...problems,
      ...(more > 0 ? [`and ${more} more that cannot be read`] : []),
      ...(isWhole ? [] : ['stopped before the end of the trail']),
    ],
    isComplete: isWhole && problemCount === 0,
  };
}

function storeOf(
  { audit, config }: { readonly audit?: string | undefined; readonly config?: string | undefined },
  { env, folder }: Surroundings,
): TrailStore {
  if (audit !== undefined) return openStore(audit, folder);
  const { auditStore, folder: base } = configOf(config, { env, folder });
  return openStore(auditStore, base);
}

function configOf(flag: string | undefined, { env, folder }: Pick<Surroundings, 'env' | 'folder'>): Config {
  return loadConfig(configPath(flag, env, folder), env);
}

async function diffOverLive(
  pair: PolicyPair,
  flag: string | undefined,
  now: number,
  { terminal, env, folder, stop }: Surroundings,
): Promise<DiffReport> {
  const config = configOf(flag, { env, folder });
  const progress = createProgress(terminal, 'listing services and connections');
  const surveying = surveyLive({ config, env, build: readBuildInfo() }, [pair.from, pair.to], { stop });
  progress.begin();
  const survey = await surveying.finally(progress.end);
  const from = decideLive(survey.services, pair.from, now);
  const to = decideLive(survey.services, pair.to, now);
  const comparisons = from.map((old, i) =>
    compareDecisions(liveVerdict(old), liveVerdict(to[i] ?? old), () => nameOf(old)),
  );
  const problems = survey.findings.map(({ code, message, subject }) => {
    const about = subject ? ` (${subjectOf(subject)})` : '';
    return `${code}: ${message}${about}`;
  });
  const isCut = !survey.isComplete && problems.length === 0;
  return {
    pair,
    diff: diffOf(comparisons),
    over: `${counted(comparisons.length, 'live connection')} of ${counted(survey.services.length, 'service')}`,
    problems: [...problems, ...(isCut ? ['stopped before everything was read'] : [])],
    isComplete: survey.isComplete,
  };
}

function liveVerdict({ decision }: LiveDecision): Verdict {
  const { effect, cause, rules, reason } = decision;
  return { effect, cause, rules, reason, lacking: [] };
}

function nameOf({ ref, connection }: LiveDecision): ReturnType<Parameters<typeof compareDecisions>[2]> {
  const { domainId, state } = connection;
  return { id: subjectOf(ref), ...(typeof domainId === 'string' && { domain_id: domainId }), state };
}

function show(report: DiffReport, isJson: boolean, { terminal }: Surroundings): number {
  if (isJson) terminal.printJson(diffToJson(report));
  else printDiff(report, terminal);
  for (const problem of report.problems) terminal.complain(`vpcep-approver: ${problem}`);
  return report.diff.changed > 0 || !report.isComplete ? EXIT_WRONG : EXIT_OK;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
