/** What all steps of one run share: the policy, the limits, the log, the time left, and what was found on the way. Takes no step itself. */
import type { FindingData, SubjectRef } from '../audit/record.ts';
import type { RunLog } from '../audit/run-log.ts';
import type { Clock } from '../clock.ts';
import type { EndpointServices } from '../cloud/endpoint-services.ts';
import type { Policy } from '../core/policy.ts';

/** Which services of a target are governed. */
export type ServiceSelection =
  | { readonly by: 'all' }
  | { readonly by: 'ids'; readonly ids: readonly string[] }
  | { readonly by: 'tags'; readonly tags: ReadonlyMap<string, string> };

/** One governed project with the port to its cloud. */
export interface Target {
  readonly port: EndpointServices;
  readonly selection: ServiceSelection;
}

/** The limits of interfaces.md that bind a run; `null` is no limit. */
export interface RunLimits {
  /** Actions in flight. */
  readonly concurrency: number;
  readonly rejectsPerRun: number | null;
  readonly acceptsPerDomainPerRun: number | null;
  readonly confirmSeconds: number;
  readonly runMinutes: number;
}

/** What a service with approval switched off means to a run. */
export type Guard = 'off' | 'report' | 'enforce';

/** What to do about accepted connections that a reject rule matches now. */
export type AcceptedReview = 'off' | 'report' | 'revoke';

/** Something worth showing to a person who waits. */
export type RunEvent =
  | { readonly stage: 'listed'; readonly services: number; readonly pending: number }
  | { readonly stage: 'acting'; readonly done: number; readonly total: number }
  | { readonly stage: 'recovered'; readonly runId: string; readonly decisions: number };

/** A finding and what it is about. */
export interface Finding extends FindingData {
  readonly subject: SubjectRef | null;
}

/** The state of one run. */
export interface Run {
  readonly id: string;
  readonly policy: Policy;
  readonly mode: 'enforce' | 'dry-run';
  readonly guard: Guard;
  readonly accepted: AcceptedReview;
  /** Whether effect and reason go into the connections' descriptions. */
  readonly annotates: boolean;
  readonly limits: RunLimits;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly log: RunLog;
  readonly time: RunTime;
  readonly observe: (event: RunEvent) => void;
  /** Grows as the run goes on. */
  readonly findings: Finding[];
  /** Set when the deadline or an error keeps the run from seeing or settling everything. */
  isComplete: boolean;
}

/** Puts a finding into the log and the run's result. */
export function report(run: Run, data: FindingData, subject: SubjectRef | null): void {
  run.findings.push({ ...data, subject });
  if (subject) run.log.append('finding', data, subject);
  else run.log.append('finding', data);
}

/** A process that was suspended may wake up when others have taken its run for dead: it must not act any more. */
export function isOverdue(run: Run): boolean {
  return run.clock.now() - run.startedAt >= run.limits.runMinutes * 60_000;
}

/** The time a run has. */
export interface RunTime {
  /** Aborted when closing dead runs must end: what died must not keep the living waiting. */
  readonly recovering: AbortSignal;
  /** Aborted when reading must end, early enough to act on what was read: a list that hangs must not stop other services. */
  readonly reading: AbortSignal;
  /** Aborted when no new work may be taken, early enough to read states back. */
  readonly stopping: AbortSignal;
  /** Aborted when calls under way must end, early enough to write outcomes. */
  readonly deadline: AbortSignal;
  /** Ends the timers. */
  readonly dispose: () => void;
}

/** Time kept for writing outcomes: a tenth of what there is, at most this. */
const WRITING_MS_MAX = 5_000;

/**
 * Divides `budgetMs` from now on: the last tenth (at most 5 s) is for writing, and up to a quarter before it (at most
 * `confirmSeconds`) for reading states back. Of the rest, half is for reading what to decide on, and of that, half for closing
 * dead runs first. `stop` ends the taking of new work at once.
 */
export function divideTime(budgetMs: number, confirmSeconds: number, stop?: AbortSignal): RunTime {
  const deadlineMs = Math.max(0, budgetMs - Math.min(WRITING_MS_MAX, budgetMs / 10));
  const stoppingMs = Math.max(0, deadlineMs - Math.min(confirmSeconds * 1_000, budgetMs / 4));
  const recovering = new AbortController();
  const reading = new AbortController();
  const stopping = new AbortController();
  const deadline = new AbortController();
  const timers = [
    setTimeout(() => recovering.abort(), stoppingMs / 4),
    setTimeout(() => reading.abort(), stoppingMs / 2),
    setTimeout(() => stopping.abort(), stoppingMs),
    setTimeout(() => deadline.abort(), deadlineMs),
  ];
  return {
    recovering: stop ? AbortSignal.any([stop, recovering.signal]) : recovering.signal,
    reading: stop ? AbortSignal.any([stop, reading.signal]) : reading.signal,
    stopping: stop ? AbortSignal.any([stop, stopping.signal]) : stopping.signal,
    deadline: deadline.signal,
    dispose: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
