/** What the commands that talk to the cloud have in common: configuration, approver, progress, printing, exit code. */
import path from 'node:path';
import { type Approver, createApprover } from '../approver.ts';
import { readBuildInfo } from '../build-info.ts';
import { unheardOfRegion } from '../cloud/regions.ts';
import { type Config, configPath, loadConfig } from '../config.ts';
import type { RunRequest } from '../reconcile/execute.ts';
import type { RunEvent } from '../reconcile/run.ts';
import type { RunResult } from '../reconcile/run-result.ts';
import { EXIT_OK, EXIT_WRONG, type Surroundings } from './command.ts';
import { runToJson } from './run-json.ts';
import { printErrors, printRun } from './run-report.ts';
import type { Terminal } from './terminal.ts';

/** The options that such a command has. */
export const RUN_OPTIONS = {
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  strict: { type: 'boolean' },
} as const;

/** What was asked for on the command line. */
export interface RunFlags {
  readonly config?: string | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly strict?: boolean | undefined;
}

/** Makes an approver, has it run, prints what came of it and returns the exit code. */
export async function runApprover(
  flags: RunFlags,
  { terminal, env, folder, stop }: Surroundings,
  start: (approver: Approver, request: RunRequest) => Promise<RunResult>,
): Promise<number> {
  const config = loadConfig(configPath(flags.config, env, folder), env);
  warnOfRegions(config, terminal);
  const progress = createProgress(terminal);
  const approver = createApprover({
    config,
    env,
    build: readBuildInfo(),
    // The command line is for a person or, with --json, for a program that wants one document; logs are for functions.
    echoes: false,
    ...(flags['dry-run'] && { mode: 'dry-run' as const }),
    onHttp: (event) => {
      if (event.type === 'throttled') progress.note(`throttled until ${new Date(event.until).toISOString()}`);
    },
  });
  const request: RunRequest = { trigger: 'cli', requestId: null, budgetMs: null, stop, observe: progress.observe };
  progress.begin();
  const result = await start(approver, request).finally(progress.end);
  if (flags.json) terminal.printJson(runToJson(result));
  else printRun(result, trailOf(config.auditStore, config.folder), terminal);
  printErrors(result, terminal);
  return exitCodeOf(result, flags.strict ?? false);
}

/** A slip in a region's name would else show as a host that cannot be found. */
function warnOfRegions({ targets }: Config, terminal: Terminal): void {
  for (const [i, { kind, profile, region, endpoint }] of targets.entries()) {
    const warning = endpoint === undefined ? unheardOfRegion(kind, profile, region) : null;
    if (warning) terminal.complain(`vpcep-approver: warning: /targets/${i}/region: ${warning}`);
  }
}

function trailOf(locator: string, folder: string): string {
  return locator.startsWith('s3:') ? locator : path.resolve(folder, locator.replace(/^file:/, ''), 'trail');
}

function exitCodeOf({ counts, findings, isComplete }: RunResult, isStrict: boolean): number {
  const isWrong =
    !isComplete ||
    counts.failed > 0 ||
    findings.some(({ severity }) => severity === 'error' || (isStrict && severity === 'warning'));
  return isWrong ? EXIT_WRONG : EXIT_OK;
}

/** Progress is for people who wait: it appears after this long. */
const PATIENCE_MS = 2_000;

/** Tells a person who waits what is going on. */
export interface Progress {
  readonly begin: () => void;
  readonly observe: (event: RunEvent) => void;
  readonly note: (text: string) => void;
  readonly end: () => void;
}

/** Makes the progress of one command: `begin` before the wait, `end` after it, whatever came of it. */
export function createProgress(terminal: Terminal, first = 'listing services and pending connections'): Progress {
  const startedAt = Date.now();
  let shownAt = 0;
  let text = first;
  const show = () => {
    const now = Date.now();
    if (now - startedAt < PATIENCE_MS || now - shownAt < 100) return;
    shownAt = now;
    terminal.showProgress(`${Math.round((now - startedAt) / 1_000)} s: ${text}`);
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    begin: () => {
      timer = setInterval(show, 500);
    },
    observe: (event) => {
      text = describe(event);
      show();
    },
    note: (note) => {
      text = note;
      show();
    },
    end: () => {
      clearInterval(timer);
      terminal.showProgress('');
    },
  };
}

function describe(event: RunEvent): string {
  switch (event.stage) {
    case 'listed':
      return `${event.services} services listed, ${event.pending} connections pending`;
    case 'acting':
      return `acting: ${event.done} of ${event.total} in this batch`;
    case 'recovered':
      return `recovered run ${event.runId}: ${event.decisions} decisions`;
    default:
      return event satisfies never;
  }
}
