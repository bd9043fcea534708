/** Carries out the decisions of one batch, service by service, and finds out what became of each. Needs the decisions to be durable already; writes no record. */
import pMap from 'p-map';
import { CloudError } from '../cloud/cloud-error.ts';
import {
  endAtDeadline,
  endSuperseded,
  endUnresponsive,
  type Errand,
  errandFor,
  isToSend,
  isWaiting,
  note,
  noteFailure,
  noteSending,
  noteTaken,
  SENDS_MAX,
  settle,
  settleWithoutState,
} from './errand.ts';
import type { GatheredService } from './gather.ts';
import { groupBy } from './group-by.ts';
import type { Judgement } from './judge.ts';
import type { Outcome } from './outcome.ts';
import { readStates, type SeenState } from './read-states.ts';
import { isOverdue, type Run } from './run.ts';

/** Pauses between two looks at states that are on their way, in milliseconds; the last one repeats. */
const PAUSES_MS = [200, 400, 800, 1_500, 3_000];
/** A list older than this is read again before acting on it, as far as that stays cheap. */
const FRESH_MS = 2_000;
/** After this many lost answers in a row a service gets no more accepts and rejects in this run. */
const LOST_MAX = 5;

/** What a run remembers of a service while it acts on it. */
interface Acquaintance {
  /** When its pending connections were last listed whole. */
  listedAt: number;
  /** Not before this are they listed again. */
  relistAt: number;
  /** Calls sent since then. */
  sent: number;
  /** Answers lost in a row. */
  lost: number;
  /** A listing under way. */
  refresh: Promise<void> | null;
}

/** What a run remembers of the services it acts on, from batch to batch. */
export type Acquaintances = Map<GatheredService, Acquaintance>;

/** Carries out a batch. Returns the outcome of every judgement in it, in the same order. */
export async function carryOut(
  batch: readonly Judgement[],
  known: Acquaintances,
  run: Run,
): Promise<readonly Outcome[]> {
  const errands = batch.map(errandFor);
  const acting = errands.filter((errand) => errand.outcome === null);
  const groups = groupBy(acting, (errand) => errand.judgement.source);
  // Each service for itself: one that hangs must not hold the others' places.
  const concurrency = Math.max(1, Math.ceil(run.limits.concurrency / Math.max(1, groups.size)));
  const progress = progressOf(acting.length, run);
  await Promise.all(
    [...groups].map(([source, group]) =>
      carryOutService(group, acquaintance(source, known), concurrency, progress, run),
    ),
  );
  return errands.map((errand) => {
    if (!errand.outcome) throw new TypeError('an errand was left without an outcome');
    return errand.outcome;
  });
}

function acquaintance(source: GatheredService, known: Acquaintances): Acquaintance {
  const found = known.get(source) ?? { listedAt: source.listedAt, relistAt: 0, sent: 0, lost: 0, refresh: null };
  known.set(source, found);
  return found;
}

function progressOf(total: number, run: Run): (count: number) => void {
  let done = 0;
  return (count) => {
    done = Math.min(total, done + count);
    run.observe({ stage: 'acting', done, total });
  };
}

async function carryOutService(
  errands: readonly Errand[],
  service: Acquaintance,
  concurrency: number,
  progress: (count: number) => void,
  run: Run,
): Promise<void> {
  for (let round = 0; round < SENDS_MAX && errands.some(isToSend); round++) {
    await pMap(
      callsFor(errands.filter(isToSend)),
      async (call) => {
        await send(call, errands, service, run);
        progress(call.errands.length);
      },
      { concurrency },
    );
    await confirm(errands, run);
  }
  for (const errand of errands) if (errand.outcome === null) settleWithoutState(errand);
}

/** One accept or reject, of as many connections as the API lets one name. */
interface ActionCall {
  readonly source: GatheredService;
  readonly effect: 'accept' | 'reject';
  readonly errands: readonly Errand[];
}

function callsFor(errands: readonly Errand[]): readonly ActionCall[] {
  const calls: ActionCall[] = [];
  const groups = groupBy(errands, ({ judgement, isAlone }) => `${judgement.decision.effect} ${isAlone}`);
  for (const group of groups.values()) {
    const [{ judgement, isAlone }] = group as [Errand];
    const { source, decision } = judgement;
    const effect = decision.effect === 'accept' ? 'accept' : 'reject';
    const size = isAlone ? 1 : source.port.endpointsPerAction;
    for (let at = 0; at < group.length; at += size) calls.push({ source, effect, errands: group.slice(at, at + size) });
  }
  return calls;
}

async function send(
  { source, effect, errands }: ActionCall,
  all: readonly Errand[],
  service: Acquaintance,
  run: Run,
): Promise<void> {
  await refreshed(source, all, service, run);
  const left = errands.filter(isToSend);
  if (left.length === 0) return;
  if (run.time.stopping.aborted || isOverdue(run)) {
    for (const errand of left) endAtDeadline(errand);
    return;
  }
  if (service.lost >= LOST_MAX) {
    for (const errand of left) endUnresponsive(errand);
    return;
  }
  service.sent += 1;
  for (const errand of left) noteSending(errand);
  const { serviceId } = source.ref;
  const endpointIds = left.map((errand) => errand.judgement.ref.endpointId);
  const options = { signal: run.time.deadline };
  try {
    const answer =
      effect === 'accept'
        ? await source.port.accept(serviceId, endpointIds, options)
        : await source.port.reject(serviceId, endpointIds, options);
    service.lost = 0;
    const shown = new Map(answer.connections.map((connection) => [connection.endpointId, connection.state]));
    for (const errand of left) {
      note(errand, answer);
      noteTaken(errand, shown.get(errand.judgement.ref.endpointId));
    }
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    service.lost = error.effect === 'unknown' ? service.lost + 1 : 0;
    for (const errand of left) {
      note(errand, error);
      noteFailure(errand, error, left.length > 1);
    }
  }
}

/**
 * Settles what is no longer pending, when the list is no longer fresh: a reject must not undo what somebody accepted while the
 * run was busy elsewhere. Reading a list again may cost a twentieth of what was sent for it, so that the run stays within
 * its share of requests.
 */
async function refreshed(
  source: GatheredService,
  errands: readonly Errand[],
  service: Acquaintance,
  run: Run,
): Promise<void> {
  // Whoever comes while the list is being read has to know what it says, too.
  await service.refresh;
  const now = run.clock.now();
  const isFresh = now - service.listedAt < FRESH_MS || now < service.relistAt;
  if (isFresh || source.pages > 2 + service.sent / 20 || run.time.stopping.aborted) return;
  service.refresh ??= dropStale(source, errands, service, run).finally(() => {
    service.refresh = null;
  });
  await service.refresh;
}

async function dropStale(
  source: GatheredService,
  errands: readonly Errand[],
  service: Acquaintance,
  run: Run,
): Promise<void> {
  const now = run.clock.now();
  // Whatever comes of it, the next attempt is due only later.
  service.relistAt = now + FRESH_MS;
  service.sent = 0;
  const listing = await orNull(
    source.port.listConnections(source.ref.serviceId, { state: 'pending' }, { signal: run.time.stopping }),
  );
  if (!listing?.isComplete) return;
  service.listedAt = now;
  const pending = listing.connections.filter(({ state }) => state === 'pending');
  const stillPending = new Set(pending.map(({ endpointId }) => endpointId));
  for (const errand of errands) {
    const { ref, connection } = errand.judgement;
    const isGone = connection.state === 'pending' && !stillPending.has(ref.endpointId);
    // What was sent once may have moved because of us: its own look at the state tells.
    if (isGone && errand.attempts === 0 && isToSend(errand)) endSuperseded(errand);
  }
}

/** Reads states back, many connections a call, until each errand is settled, has to be sent again, or time is up. */
async function confirm(errands: readonly Errand[], run: Run): Promise<void> {
  const until = run.clock.now() + run.limits.confirmSeconds * 1_000;
  for (let look = 0; ; look++) {
    await lookAt(errands.filter(isWaiting), run);
    if (!errands.some(isWaiting)) return;
    const pause = PAUSES_MS[Math.min(look, PAUSES_MS.length - 1)] ?? 0;
    const isOver = run.clock.now() + pause > until || run.time.deadline.aborted;
    if (isOver || !(await slept(run, pause))) {
      if (run.time.deadline.aborted) run.isComplete = false;
      for (const errand of errands.filter(isWaiting)) settleWithoutState(errand);
      return;
    }
  }
}

async function lookAt(errands: readonly Errand[], run: Run): Promise<void> {
  for (const [effect, group] of groupBy(errands, (errand) => errand.judgement.decision.effect)) {
    const ids = group.map((errand) => errand.judgement.ref.endpointId);
    const expected = effect === 'accept' ? 'accepted' : 'rejected';
    const { source } = (group[0] as Errand).judgement;
    const states = await orNull(readStates(source, ids, run.time.deadline, expected));
    for (const errand of group) settle(errand, seenIn(states, errand));
  }
}

function seenIn(states: ReadonlyMap<string, SeenState> | null, errand: Errand): SeenState {
  return states?.get(errand.judgement.ref.endpointId);
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
