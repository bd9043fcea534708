/** Carries out the decisions of one batch and finds out what became of each. Needs the decisions to be durable already; writes no record. */
import pMap from 'p-map';
import { CloudError } from '../cloud/cloud-error.ts';
import { handlingOf } from '../cloud/handling.ts';
import type { Connection, ConnectionState } from '../core/connection.ts';
import type { GatheredService } from './gather.ts';
import { groupBy } from './group-by.ts';
import type { Judgement } from './judge.ts';
import { type Outcome, outcomeError } from './outcome.ts';
import { readStates, type SeenState } from './read-states.ts';
import type { Run } from './run.ts';

/** How often an accept or reject whose answer was lost is sent, each time after the state has been read again. */
const SENDS_MAX = 3;
/** Pauses between two looks at states that are on their way, in milliseconds; the last one repeats. */
const PAUSES_MS = [200, 400, 800, 1_500, 3_000];
/** A list older than this is read again before acting on it, as far as that stays cheap. */
const FRESH_MS = 2_000;

/** A decision on its way: what was sent for it, and how that was answered. */
interface Errand {
  readonly judgement: Judgement;
  attempts: number;
  requestIds: readonly string[];
  /** The last state seen. */
  state: ConnectionState;
  answer: Answer;
  /** True once an answer was lost: a wanted state seen later may well be our own doing. */
  wasLost: boolean;
  /** True once a call that named several connections was refused: the next one names this one alone. */
  isAlone: boolean;
  /** Why the last call did not do it. */
  error: CloudError | null;
  outcome: Outcome | null;
}

/**
 * `taken`: the cloud said yes. `refused`: it said no, and did nothing. `lost`: nobody knows. `unsent`: not tried yet.
 */
type Answer =
  | { readonly kind: 'unsent' }
  | { readonly kind: 'taken' }
  /** `isShared`: the call named other connections too, any of which may have been at fault. */
  | { readonly kind: 'refused'; readonly error: CloudError; readonly isShared: boolean }
  | { readonly kind: 'lost'; readonly error: CloudError };

/** Counts what was sent for a service since it was listed, to tell when another look is worth its requests. */
export type SentCounts = Map<GatheredService, number>;

/** Carries out a batch. Returns the outcome of every judgement in it, in the same order. */
export async function carryOut(batch: readonly Judgement[], sent: SentCounts, run: Run): Promise<readonly Outcome[]> {
  const errands = batch.map(errandFor);
  const total = errands.filter((errand) => errand.outcome === null).length;
  await dropStale(unsettled(errands), sent, run);
  for (let round = 0; round < SENDS_MAX && unsettled(errands).length > 0; round++) {
    let done = 0;
    await pMap(
      callsFor(unsettled(errands)),
      async (call) => {
        await send(call, sent, run);
        done += call.errands.length;
        run.observe({ stage: 'acting', done, total });
      },
      { concurrency: run.limits.concurrency },
    );
    await confirm(unsettled(errands), run);
  }
  return errands.map((errand) => errand.outcome ?? settleWithoutState(errand));
}

function errandFor(judgement: Judgement): Errand {
  const errand: Errand = {
    judgement,
    attempts: 0,
    requestIds: [],
    state: judgement.connection.state,
    answer: { kind: 'unsent' },
    wasLost: false,
    isAlone: false,
    error: null,
    outcome: null,
  };
  if (judgement.decision.effect === 'hold') errand.outcome = outcomeOf(errand, { status: 'withheld', by: 'hold' });
  return errand;
}

function unsettled(errands: readonly Errand[]): readonly Errand[] {
  return errands.filter((errand) => errand.outcome === null);
}

/** Settles what is no longer pending by now. A reject must not undo what somebody accepted while the run was busy elsewhere. */
async function dropStale(errands: readonly Errand[], sent: SentCounts, run: Run): Promise<void> {
  const now = run.clock.now();
  const pending = errands.filter((errand) => errand.judgement.connection.state === 'pending');
  for (const [service, group] of groupBy(pending, (errand) => errand.judgement.source)) {
    // Reading a list again may cost a twentieth of what was sent for it: the run stays within its share of requests.
    const allowance = 2 + (sent.get(service) ?? 0) / 20;
    if (now - service.listedAt < FRESH_MS || service.pages > allowance || run.time.stopping.aborted) continue;
    const listing = await orNull(
      service.port.listConnections(service.ref.serviceId, { state: 'pending' }, { signal: run.time.stopping }),
    );
    if (!listing?.isComplete) continue;
    sent.set(service, 0);
    const stillPending = new Set(listing.connections.map((connection) => connection.endpointId));
    for (const errand of group) {
      if (stillPending.has(errand.judgement.ref.endpointId)) continue;
      errand.outcome = outcomeOf(errand, { status: 'superseded' });
    }
  }
}

/** One accept or reject, of as many connections as the API lets one name. */
interface ActionCall {
  readonly source: GatheredService;
  readonly effect: 'accept' | 'reject';
  readonly errands: readonly Errand[];
}

function callsFor(errands: readonly Errand[]): readonly ActionCall[] {
  const calls: ActionCall[] = [];
  for (const [source, group] of groupBy(errands, (errand) => errand.judgement.source)) {
    for (const effect of ['accept', 'reject'] as const) {
      const same = group.filter((errand) => errand.judgement.decision.effect === effect);
      const together = same.filter((errand) => !errand.isAlone);
      for (let at = 0; at < together.length; at += source.port.endpointsPerAction) {
        calls.push({ source, effect, errands: together.slice(at, at + source.port.endpointsPerAction) });
      }
      calls.push(...same.filter((errand) => errand.isAlone).map((errand) => ({ source, effect, errands: [errand] })));
    }
  }
  return calls;
}

async function send({ source, effect, errands }: ActionCall, sent: SentCounts, run: Run): Promise<void> {
  if (run.time.stopping.aborted) {
    for (const errand of errands) errand.outcome = outcomeOf(errand, { status: 'withheld', by: 'deadline' });
    return;
  }
  sent.set(source, (sent.get(source) ?? 0) + 1);
  const { serviceId } = source.ref;
  const endpointIds = errands.map((errand) => errand.judgement.ref.endpointId);
  const options = { signal: run.time.deadline };
  try {
    const answer =
      effect === 'accept'
        ? await source.port.accept(serviceId, endpointIds, options)
        : await source.port.reject(serviceId, endpointIds, options);
    const shown = new Map(answer.connections.map((connection) => [connection.endpointId, connection.state]));
    for (const errand of errands) {
      note(errand, answer);
      errand.answer = { kind: 'taken' };
      errand.state = shown.get(errand.judgement.ref.endpointId) ?? errand.state;
    }
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    for (const errand of errands) {
      note(errand, error);
      errand.error = error;
      settleRefusal(errand, error, errands.length > 1);
    }
  }
}

function note(errand: Errand, call: { readonly attempts: number; readonly requestIds: readonly string[] }): void {
  errand.attempts += call.attempts;
  errand.requestIds = [...errand.requestIds, ...call.requestIds];
}

/** Settles what needs no look at the state, and leaves the rest for one. */
function settleRefusal(errand: Errand, error: CloudError, isShared: boolean): void {
  if (error.effect === 'unknown') {
    errand.answer = { kind: 'lost', error };
    errand.wasLost = true;
    return;
  }
  errand.answer = { kind: 'refused', error, isShared };
  // One bad id must not take the others with it.
  errand.isAlone ||= isShared;
  if (error.code === 'dry-run') errand.outcome = outcomeOf(errand, { status: 'withheld', by: 'dry-run' });
  else if (error.code === 'deadline' && !errand.wasLost) {
    errand.outcome = outcomeOf(errand, { status: 'withheld', by: 'deadline' });
  } else if (handlingOf(error) === 'configuration' && !errand.wasLost) {
    // The credentials or the request are at fault, not the connection: another look at it would say nothing.
    errand.outcome = outcomeOf(errand, { status: 'failed', error: outcomeError(error) });
  }
}

/** Reads states back, many connections a call, until each errand is settled, has to be sent again, or time is up. */
async function confirm(errands: readonly Errand[], run: Run): Promise<void> {
  const until = run.clock.now() + run.limits.confirmSeconds * 1_000;
  const groups = groupBy(errands, (errand) => errand.judgement.source);
  await Promise.all([...groups].map(([service, group]) => confirmService(service, group, until, run)));
}

async function confirmService(
  service: GatheredService,
  group: readonly Errand[],
  until: number,
  run: Run,
): Promise<void> {
  for (let look = 0; ; look++) {
    const waiting = group.filter((errand) => errand.outcome === null && !isToSendAgain(errand));
    if (waiting.length === 0) return;
    const ids = waiting.map((errand) => errand.judgement.ref.endpointId);
    const states = await readStates(service, ids, run.time.deadline);
    for (const errand of waiting) settle(errand, states.get(errand.judgement.ref.endpointId));
    if (waiting.every((errand) => errand.outcome !== null || isToSendAgain(errand))) return;
    const pause = PAUSES_MS[Math.min(look, PAUSES_MS.length - 1)] ?? 0;
    const isOver = run.clock.now() + pause > until || run.time.deadline.aborted;
    if (isOver || !(await slept(run, pause))) {
      if (run.time.deadline.aborted) run.isComplete = false;
      for (const errand of waiting) if (!isToSendAgain(errand)) errand.outcome ??= settleWithoutState(errand);
      return;
    }
  }
}

/** The connection was read again and has not moved: then, and only then, a call that was lost or refused may be repeated. */
function isToSendAgain(errand: Errand): boolean {
  return errand.answer.kind === 'unsent';
}

/** What a look at the state says about an errand. `undefined` says nothing, `null` that the connection is gone. */
function settle(errand: Errand, seen: SeenState): void {
  if (seen === undefined) return;
  const wanted = errand.judgement.decision.effect === 'accept' ? 'accepted' : 'rejected';
  if (seen === null) {
    errand.outcome = outcomeOf(errand, { status: 'superseded' });
    return;
  }
  errand.state = seen.state;
  const isOurs = errand.answer.kind === 'taken' || errand.wasLost;
  const isOnItsWay = seen.state === 'creating' && wanted === 'accepted';
  if (seen.state === wanted && isOurs) {
    errand.outcome = outcomeOf(errand, { status: 'applied' });
  } else if (seen.state === 'failed' && isOurs) {
    errand.outcome = outcomeOf(errand, { status: 'failed', error: failureOf(seen) });
  } else if (seen.state === errand.judgement.connection.state) {
    settleUnchanged(errand);
  } else if (isOnItsWay && isOurs) {
    errand.answer = { kind: 'taken' };
  } else if (seen.state !== 'unknown') {
    errand.outcome = outcomeOf(errand, { status: 'superseded' });
  }
}

/** The connection is where it was before the call: send again what was lost, or refused because of something that has passed. */
function settleUnchanged(errand: Errand): void {
  const { answer } = errand;
  if (answer.kind === 'lost') {
    errand.answer = { kind: 'unsent' };
  } else if (answer.kind === 'refused') {
    // The cloud spoke of a conflict that the state does not show, or no longer: decided again, it is the same decision.
    if (answer.isShared || handlingOf(answer.error) === 'superseded') errand.answer = { kind: 'unsent' };
    else errand.outcome = outcomeOf(errand, { status: 'failed', error: outcomeError(answer.error) });
  }
}

/** The outcome when there is no time, or no way, to look again. */
function settleWithoutState(errand: Errand): Outcome {
  switch (errand.answer.kind) {
    case 'taken':
      return outcomeOf(errand, { status: 'submitted' });
    case 'refused':
    case 'lost':
      return outcomeOf(errand, { status: 'failed', error: outcomeError(errand.answer.error) });
    case 'unsent':
      return outcomeOf(errand, { status: 'failed', error: unconfirmed(errand.error) });
    default:
      return errand.answer satisfies never;
  }
}

/** Sent as often as allowed, and the connection has not moved. */
function unconfirmed(last: CloudError | null): NonNullable<Outcome['error']> {
  if (last?.effect === 'none') return outcomeError(last);
  return {
    code: 'unconfirmed',
    http_status: null,
    message: `the answer was lost ${SENDS_MAX} times, and the connection is where it was`,
    retryable: true,
  };
}

function failureOf(connection: Connection): NonNullable<Outcome['error']> {
  const [first] = connection.record.error ?? [];
  return {
    code: first?.error_code ?? 'connection-failed',
    http_status: null,
    message: first?.error_message ?? 'the cloud could not set up the connection',
    retryable: false,
  };
}

function outcomeOf(
  errand: Errand,
  end:
    | { readonly status: 'applied' | 'submitted' | 'superseded' }
    | { readonly status: 'withheld'; readonly by: 'hold' | 'dry-run' | 'deadline' }
    | { readonly status: 'failed'; readonly error: NonNullable<Outcome['error']> },
): Outcome {
  const { decisionId } = errand.judgement;
  return {
    decision_id: decisionId,
    ...end,
    state: errand.state,
    attempts: errand.attempts,
    request_ids: [...errand.requestIds],
  };
}

async function slept(run: Run, ms: number): Promise<boolean> {
  try {
    await run.clock.sleep(ms, run.time.deadline);
    return true;
  } catch {
    return false;
  }
}

async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof CloudError) return null;
    throw error;
  }
}
