import { describe, expect, test } from 'vitest';
import type { CloudError } from '../../lib/cloud/cloud-error.ts';
import type { ConnectionState } from '../../lib/core/connection.ts';
import {
  endAtDeadline,
  endUnresponsive,
  type Errand,
  errandFor,
  isToSend,
  isWaiting,
  note,
  noteFailure,
  noteTaken,
  settle,
  settleWithoutState,
} from '../../lib/reconcile/errand.ts';
import { gatherAll } from '../../lib/reconcile/gather.ts';
import { beginRun } from '../../lib/reconcile/execute.ts';
import { judgeAll } from '../../lib/reconcile/judge.ts';
import { cloudError, connectionOf, fakeServices, lostAnswer, serviceOf } from '../support/fake-services.ts';
import { REQUEST, settingsOf } from '../support/run-settings.ts';

/** An errand to accept (`a1`), reject (`r1`) or hold (`h1`) a connection in a state; only a review rejects accepted ones. */
async function errandOf(domainId = 'a1', state: 'pending' | 'accepted' = 'pending'): Promise<Errand> {
  const port = fakeServices([{ service: serviceOf('s1'), connections: [connectionOf('e1', { domainId, state })] }]);
  const settings = settingsOf({ ports: [port], accepted: 'revoke' });
  const run = beginRun(settings, REQUEST);
  try {
    const gathered = await gatherAll(settings.targets, run);
    const { judgements } = judgeAll(gathered, settings.policy, settings.limits, settings.clock.now(), true);
    const [judgement] = judgements;
    if (!judgement) throw new TypeError('nothing was judged');
    return errandFor(judgement);
  } finally {
    run.time.dispose();
  }
}

function seen(state: ConnectionState) {
  return connectionOf('e1', { state });
}

function refuse(errand: Errand, code: string, httpStatus = 400, isShared = false): void {
  const error = cloudError(code, { httpStatus });
  note(errand, error);
  noteFailure(errand, error, isShared);
}

function lose(errand: Errand, error: CloudError = lostAnswer()): void {
  note(errand, error);
  noteFailure(errand, error, false);
}

/** Ways to get an errand sent. */
const SENT: Readonly<Record<string, (errand: Errand) => void>> = {
  taken: (errand) => noteTaken(errand, undefined),
  lost: (errand) => lose(errand),
  refused: (errand) => refuse(errand, 'EndPoint.2019'),
};

describe('errandFor', () => {
  test('waits to be sent', async () => {
    const errand = await errandOf();
    expect(errand).toMatchObject({ state: 'pending', attempts: 0, outcome: null });
    expect([isToSend(errand), isWaiting(errand)]).toEqual([true, false]);
  });

  test('is at its end for a hold', async () => {
    const errand = await errandOf('h1');
    expect(errand.outcome).toMatchObject({ status: 'withheld', by: 'hold', attempts: 0 });
    expect([isToSend(errand), isWaiting(errand)]).toEqual([false, false]);
  });

  test('begins in the state that a review found', async () => {
    expect((await errandOf('r1', 'accepted')).state).toBe('accepted');
  });
});

describe('settle', () => {
  type Row = readonly [
    sent: string,
    domainId: string,
    from: 'pending' | 'accepted',
    state: ConnectionState | null,
    end: string,
  ];
  const ROWS: readonly Row[] = [
    ['taken', 'a1', 'pending', 'accepted', 'applied'],
    ['taken', 'a1', 'pending', 'creating', 'waiting'],
    ['taken', 'a1', 'pending', 'pending', 'waiting'],
    ['taken', 'a1', 'pending', 'unknown', 'waiting'],
    ['taken', 'a1', 'pending', 'rejected', 'superseded'],
    ['taken', 'a1', 'pending', 'deleting', 'superseded'],
    ['taken', 'a1', 'pending', 'failed', 'failed'],
    ['taken', 'a1', 'pending', null, 'superseded'],
    ['taken', 'r1', 'pending', 'rejected', 'applied'],
    ['taken', 'r1', 'pending', 'accepted', 'superseded'],
    ['taken', 'r1', 'pending', 'creating', 'superseded'],
    ['lost', 'a1', 'pending', 'accepted', 'applied'],
    ['lost', 'a1', 'pending', 'creating', 'waiting'],
    ['lost', 'a1', 'pending', 'pending', 'to send'],
    ['lost', 'a1', 'pending', 'unknown', 'waiting'],
    ['lost', 'a1', 'pending', 'rejected', 'superseded'],
    ['lost', 'r1', 'pending', 'rejected', 'applied'],
    ['lost', 'r1', 'pending', 'creating', 'superseded'],
    ['refused', 'a1', 'pending', 'accepted', 'superseded'],
    ['refused', 'a1', 'pending', 'creating', 'superseded'],
    ['refused', 'a1', 'pending', 'pending', 'to send'],
    ['refused', 'a1', 'pending', 'failed', 'superseded'],
    ['refused', 'r1', 'pending', 'rejected', 'superseded'],
    ['taken', 'r1', 'accepted', 'rejected', 'applied'],
    ['taken', 'r1', 'accepted', 'accepted', 'waiting'],
    ['lost', 'r1', 'accepted', 'rejected', 'applied'],
    ['lost', 'r1', 'accepted', 'accepted', 'to send'],
    ['refused', 'r1', 'accepted', 'rejected', 'superseded'],
    ['refused', 'r1', 'accepted', 'accepted', 'to send'],
  ];
  test.each(ROWS)('after `%s` of %s from `%s`, makes of `%s`: %s', async (sent, domainId, from, state, end) => {
    const errand = await errandOf(domainId, from);
    SENT[sent]?.(errand);
    settle(errand, state === null ? null : seen(state));
    expect(isToSend(errand) ? 'to send' : isWaiting(errand) ? 'waiting' : errand.outcome?.status).toBe(end);
    expect(errand.state).toBe(state ?? from);
  });

  test('learns nothing from a list that says nothing', async () => {
    const errand = await errandOf();
    noteTaken(errand, 'creating');
    settle(errand, undefined);
    expect(errand).toMatchObject({ outcome: null, state: 'creating' });
  });

  test('fails with the cloud’s own error where the connection could not be set up', async () => {
    const errand = await errandOf();
    noteTaken(errand, undefined);
    const record = { id: 'e1', error: [{ error_code: 'EndPoint.9', error_message: 'no address left' }] };
    settle(errand, connectionOf('e1', { state: 'failed', record }));
    expect(errand.outcome?.error).toMatchObject({ code: 'EndPoint.9', message: 'no address left', retryable: false });
  });

  test('fails with a refusal that the state does not explain', async () => {
    const errand = await errandOf();
    refuse(errand, 'EndPoint.2015');
    settle(errand, seen('pending'));
    expect(errand.outcome).toMatchObject({ status: 'failed', error: { code: 'EndPoint.2015', http_status: 400 } });
  });
});

describe('noteFailure', () => {
  test('sends again, alone, what was refused together with others', async () => {
    const errand = await errandOf();
    refuse(errand, 'CSS.5301', 400, true);
    settle(errand, seen('pending'));
    expect([isToSend(errand), errand.isAlone]).toEqual([true, true]);
    refuse(errand, 'CSS.5301');
    settle(errand, seen('pending'));
    expect(errand.outcome).toMatchObject({ status: 'failed', attempts: 2, error: { code: 'CSS.5301' } });
  });

  test.each(['dry-run', 'deadline'])('withholds what was not sent because of `%s`', async (code) => {
    const errand = await errandOf();
    noteFailure(errand, cloudError(code, { attempts: 0, requestIds: [] }), false);
    expect(errand.outcome).toMatchObject({ status: 'withheld', by: code, attempts: 0, request_ids: [] });
  });

  test.each([401, 403])('fails at once at %i, which says nothing about the connection', async (httpStatus) => {
    const errand = await errandOf();
    refuse(errand, `http-${httpStatus}`, httpStatus);
    expect(errand.outcome).toMatchObject({ status: 'failed', error: { http_status: httpStatus } });
  });

  test('still looks at the state at 403 when an answer was lost before', async () => {
    const errand = await errandOf();
    lose(errand);
    settle(errand, seen('pending'));
    refuse(errand, 'EndPoint.0004', 403);
    expect(isWaiting(errand)).toBe(true);
    settle(errand, seen('accepted'));
    expect(errand.outcome).toMatchObject({ status: 'applied', attempts: 2 });
  });
});

describe('endAtDeadline', () => {
  test('withholds what was never sent', async () => {
    const errand = await errandOf();
    endAtDeadline(errand);
    expect(errand.outcome).toMatchObject({ status: 'withheld', by: 'deadline' });
  });

  test('fails what was lost, since nobody knows what it did', async () => {
    const errand = await errandOf();
    lose(errand);
    settle(errand, seen('pending'));
    endAtDeadline(errand);
    expect(errand.outcome).toMatchObject({ status: 'failed', error: { retryable: true } });
  });
});

describe('endUnresponsive', () => {
  test('says that it was not sent, or that nobody knows', async () => {
    const unsent = await errandOf();
    endUnresponsive(unsent);
    expect(unsent.outcome?.error?.code).toBe('service-unresponsive');
    const lost = await errandOf();
    lose(lost);
    settle(lost, seen('pending'));
    endUnresponsive(lost);
    expect(lost.outcome?.error?.code).toBe('unconfirmed');
  });
});

describe('settleWithoutState', () => {
  test.each([
    { sent: 'taken', end: { status: 'submitted' } },
    { sent: 'lost', end: { status: 'failed', error: { code: 'network' } } },
    { sent: 'refused', end: { status: 'failed', error: { code: 'EndPoint.2019' } } },
    { sent: 'unsent', end: { status: 'failed', error: { code: 'unconfirmed' } } },
  ])('ends what was $sent as $end.status', async ({ sent, end }) => {
    const errand = await errandOf();
    SENT[sent]?.(errand);
    settleWithoutState(errand);
    expect(errand.outcome).toMatchObject(end);
  });
});
