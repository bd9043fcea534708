/** One decision on its way to an outcome: what was sent for it, how that was answered, and what a look at the state then means. Sends and reads nothing. */
import type { CloudError } from '../cloud/cloud-error.ts';
import { handlingOf } from '../cloud/handling.ts';
import type { Connection, ConnectionState } from '../core/connection.ts';
import type { Judgement } from './judge.ts';
import { type Outcome, outcomeError } from './outcome.ts';
import type { SeenState } from './read-states.ts';

/** How often an accept or reject is sent, each time after the state has been read again. */
export const SENDS_MAX = 3;

/** A decision on its way. */
export interface Errand {
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
 * `unsent`: not tried, or to be sent again. `sending`: on its way. `taken`: the cloud said yes. `refused`: it said no, and did
 * nothing. `lost`: nobody knows.
 */
type Answer =
  | { readonly kind: 'unsent' }
  | { readonly kind: 'sending' }
  | { readonly kind: 'taken' }
  /** `isShared`: the call named other connections too, any of which may have been at fault. */
  | { readonly kind: 'refused'; readonly error: CloudError; readonly isShared: boolean }
  | { readonly kind: 'lost'; readonly error: CloudError };

/** Begins an errand. A hold is at its end already. */
export function errandFor(judgement: Judgement): Errand {
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
  if (judgement.decision.effect === 'hold') end(errand, { status: 'withheld', by: 'hold' });
  return errand;
}

/** Whether an errand waits to be sent, for the first time or again. */
export function isToSend({ outcome, answer }: Errand): boolean {
  return outcome === null && answer.kind === 'unsent';
}

/** Whether only a look at the state can say what became of an errand. */
export function isWaiting({ outcome, answer }: Errand): boolean {
  return outcome === null && answer.kind !== 'unsent';
}

/** Notes what a call cost. */
export function note(
  errand: Errand,
  call: { readonly attempts: number; readonly requestIds: readonly string[] },
): void {
  errand.attempts += call.attempts;
  errand.requestIds = [...errand.requestIds, ...call.requestIds];
}

/** Notes that a call is about to leave: from here on the connection may move because of us. */
export function noteSending(errand: Errand): void {
  errand.answer = { kind: 'sending' };
}

/** Notes that the cloud took the call, and which state its answer showed, if any. */
export function noteTaken(errand: Errand, shown: ConnectionState | undefined): void {
  errand.answer = { kind: 'taken' };
  errand.state = shown ?? errand.state;
}

/** Notes that a call failed; ends the errand where no look at the state could say more. */
export function noteFailure(errand: Errand, error: CloudError, isShared: boolean): void {
  errand.error = error;
  if (error.effect === 'unknown') {
    errand.answer = { kind: 'lost', error };
    errand.wasLost = true;
    return;
  }
  errand.answer = { kind: 'refused', error, isShared };
  // One bad id must not take the others with it.
  errand.isAlone ||= isShared;
  if (error.code === 'dry-run') end(errand, { status: 'withheld', by: 'dry-run' });
  else if (error.code === 'deadline') endAtDeadline(errand);
  else if (handlingOf(error) === 'configuration' && !errand.wasLost) {
    // The credentials or the request are at fault, not the connection: another look at it would say nothing.
    end(errand, { status: 'failed', error: outcomeError(error) });
  }
}

/** Ends an errand that is not to be sent for want of time. What was lost before is not withheld: nobody knows what it did. */
export function endAtDeadline(errand: Errand): void {
  if (!errand.wasLost) end(errand, { status: 'withheld', by: 'deadline' });
  else end(errand, { status: 'failed', error: unconfirmed(errand.error) });
}

/** Ends an errand whose connection was not where the decision had seen it when its turn came. */
export function endSuperseded(errand: Errand): void {
  end(errand, { status: 'superseded' });
}

/** Ends an errand that was not sent because the service had stopped answering. */
export function endUnresponsive(errand: Errand): void {
  const message = 'not sent: the service left one accept or reject after the other unanswered';
  const error = { code: 'service-unresponsive', http_status: null, message, retryable: true };
  end(errand, { status: 'failed', error: errand.attempts === 0 ? error : unconfirmed(errand.error) });
}

/** What a look at the state says about an errand. `undefined` says nothing, `null` that the connection is gone. */
export function settle(errand: Errand, seen: SeenState): void {
  if (seen === undefined) return;
  const wanted = errand.judgement.decision.effect === 'accept' ? 'accepted' : 'rejected';
  if (seen === null) {
    endSuperseded(errand);
    return;
  }
  errand.state = seen.state;
  const isOurs = errand.answer.kind === 'taken' || errand.wasLost;
  const isOnItsWay = seen.state === 'creating' && wanted === 'accepted';
  if (seen.state === wanted && isOurs) {
    end(errand, { status: 'applied' });
  } else if (seen.state === 'failed' && isOurs) {
    end(errand, { status: 'failed', error: failureOf(seen) });
  } else if (seen.state === errand.judgement.connection.state) {
    settleUnchanged(errand);
  } else if (isOnItsWay && isOurs) {
    errand.answer = { kind: 'taken' };
  } else if (seen.state !== 'unknown') {
    endSuperseded(errand);
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
    else end(errand, { status: 'failed', error: outcomeError(answer.error) });
  }
}

/** Ends an errand when there is no time, or no way, to look again. */
export function settleWithoutState(errand: Errand): void {
  switch (errand.answer.kind) {
    case 'taken':
      end(errand, { status: 'submitted' });
      return;
    case 'refused':
    case 'lost':
      end(errand, { status: 'failed', error: outcomeError(errand.answer.error) });
      return;
    case 'unsent':
    case 'sending':
      end(errand, { status: 'failed', error: unconfirmed(errand.error) });
      return;
    default:
      errand.answer satisfies never;
  }
}

/** Sent, and the connection has not moved. */
function unconfirmed(last: CloudError | null): NonNullable<Outcome['error']> {
  if (last?.effect === 'none') return outcomeError(last);
  return {
    code: 'unconfirmed',
    http_status: null,
    message: 'the answer was lost, and the connection is where it was',
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

type End =
  | { readonly status: 'applied' | 'submitted' | 'superseded' }
  | { readonly status: 'withheld'; readonly by: 'hold' | 'dry-run' | 'deadline' }
  | { readonly status: 'failed'; readonly error: NonNullable<Outcome['error']> };

function end(errand: Errand, how: End): void {
  errand.outcome = {
    decision_id: errand.judgement.decisionId,
    ...how,
    state: errand.state,
    attempts: errand.attempts,
    request_ids: [...errand.requestIds],
  };
}
