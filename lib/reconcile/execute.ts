/** Begins and ends runs: the first and last record, the time a run has, and the way from gathered services to a result. The one place where decisions become acts. */
import { heldDigest } from '../audit/held.ts';
import type { RunStartedData } from '../audit/record.ts';
import { createRunLog, type RunLogOptions } from '../audit/run-log.ts';
import type { TrailStore } from '../audit/store.ts';
import type { Clock } from '../clock.ts';
import type { Policy } from '../core/policy.ts';
import { type GatheredService, targetRefOf } from './gather.ts';
import { judgeAll } from './judge.ts';
import type { AcceptedReview, Guard, Run, RunEvent, RunLimits, Target } from './run.ts';
import { divideTime, report } from './run.ts';
import { compareResults, type ConnectionResult, connectionResult, countRun, type RunResult } from './run-result.ts';
import { writeAndCarryOut } from './write-batches.ts';

/** What every run of one approver has in common. */
export interface RunSettings {
  readonly policy: Policy;
  readonly mode: Run['mode'];
  readonly guard: Guard;
  readonly accepted: AcceptedReview;
  readonly annotates: boolean;
  readonly limits: RunLimits;
  readonly targets: readonly Target[];
  readonly store: TrailStore;
  readonly clock: Clock;
  readonly newRunId: (clock: Clock) => string;
  readonly build: RunStartedData['build'];
  readonly echo?: RunLogOptions['echo'];
}

/** What is particular to one run. */
export interface RunRequest {
  readonly trigger: RunStartedData['trigger'];
  /** The platform's id of the invocation. */
  readonly requestId: string | null;
  /** How long the platform lets the run go on, in milliseconds; `null`: as long as `limits.run_minutes`. */
  readonly budgetMs: number | null;
  /** Aborted when the run should take no new work and come to its end. */
  readonly stop?: AbortSignal;
  readonly observe?: (event: RunEvent) => void;
}

/** Begins a run: its first record is written, though not yet durable. */
export function beginRun(settings: RunSettings, request: RunRequest): Run {
  const { clock, policy, limits } = settings;
  const startedAt = clock.now();
  const id = settings.newRunId(clock);
  const log = createRunLog({
    store: settings.store,
    runId: id,
    clock,
    expiresAt: startedAt + limits.runMinutes * 60_000,
    ...(settings.echo && { echo: settings.echo }),
  });
  log.append('run.started', {
    trigger: request.trigger,
    mode: settings.mode,
    policy: { name: policy.name, digest: policy.digest },
    build: settings.build,
    targets: settings.targets.map(({ port }) => ({ kind: port.kind, region: port.region, project_id: port.projectId })),
    request_id: request.requestId,
  });
  // Never past run_minutes: an older run counts as dead, and a dead run must not act.
  const budgetMs = Math.min(request.budgetMs ?? Number.POSITIVE_INFINITY, limits.runMinutes * 60_000);
  return {
    id,
    policy,
    mode: settings.mode,
    guard: settings.guard,
    accepted: settings.accepted,
    annotates: settings.annotates,
    limits,
    clock,
    startedAt,
    log,
    time: divideTime(budgetMs, limits.confirmSeconds, request.stop),
    observe: request.observe ?? (() => {}),
    findings: [],
    isComplete: true,
  };
}

/** A finished run, and the decision ids of all its holds. */
export interface FinishedRun {
  readonly result: RunResult;
  readonly holds: ReadonlySet<string>;
}

/**
 * Judges what was gathered, carries it out and ends the run. When this resolves, the run's last record is durable.
 *
 * @throws StoreError when a record cannot be written.
 */
export async function judgeAndFinish(
  gathered: readonly GatheredService[],
  knownHolds: ReadonlySet<string>,
  run: Run,
): Promise<FinishedRun> {
  const { judgements, findings } = judgeAll(
    gathered,
    run.policy,
    run.limits,
    run.clock.now(),
    run.accepted === 'revoke',
  );
  for (const { subject, ...finding } of findings) report(run, finding, subject);
  const outcomes = await writeAndCarryOut(judgements, knownHolds, run);
  for (const port of new Set(gathered.map((service) => service.port))) {
    for (const notice of port.takeNotices?.() ?? []) report(run, { ...notice, severity: 'info' }, targetRefOf(port));
  }
  const results = judgements.map((judgement) => connectionResult(judgement, outcomes.get(judgement)));
  const holds = judgements.filter(({ decision }) => decision.effect === 'hold').map(({ decisionId }) => decisionId);
  return finishRun(results, new Set(holds), run);
}

/** Writes the last record of a run and waits until it is durable. */
export async function finishRun(
  results: readonly ConnectionResult[],
  holds: ReadonlySet<string>,
  run: Run,
): Promise<FinishedRun> {
  const counts = countRun(results);
  run.log.append('run.finished', {
    counts,
    held_digest: heldDigest(holds),
    complete: run.isComplete,
    duration_ms: Math.max(0, run.clock.now() - run.startedAt),
  });
  await run.log.flush();
  return {
    holds,
    result: {
      runId: run.id,
      mode: run.mode,
      policy: { name: run.policy.name, digest: run.policy.digest },
      counts,
      isComplete: run.isComplete,
      connections: [...results].sort(compareResults),
      findings: run.findings,
    },
  };
}
