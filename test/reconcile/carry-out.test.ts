import { describe, expect, test } from 'vitest';
import type { ConnectionState } from '../../lib/core/connection.ts';
import { carryOut } from '../../lib/reconcile/carry-out.ts';
import { beginRun, type RunRequest } from '../../lib/reconcile/execute.ts';
import { gatherAll } from '../../lib/reconcile/gather.ts';
import { judgeAll } from '../../lib/reconcile/judge.ts';
import type { Outcome } from '../../lib/reconcile/outcome.ts';
import {
  callsOf,
  cloudError,
  connectionOf,
  type FakeServices,
  fakeServices,
  lostAnswer,
  type PortCall,
  serviceOf,
} from '../support/fake-services.ts';
import { quickClock } from '../support/quick-clock.ts';
import { REQUEST, type SettingsDraft, settingsOf } from '../support/run-settings.ts';

/** Carries out what the policy says about everything pending. Returns outcomes by endpoint. */
async function carriedOut(
  port: FakeServices,
  change: Partial<SettingsDraft> = {},
  request: RunRequest = REQUEST,
  meanwhile: () => void = () => {},
): Promise<Readonly<Record<string, Outcome>>> {
  const settings = settingsOf({ ports: [port], ...change });
  const run = beginRun(settings, request);
  try {
    const gathered = await gatherAll(settings.targets, run);
    meanwhile();
    const { judgements } = judgeAll(gathered, settings.policy, settings.limits, settings.clock.now());
    const outcomes = await carryOut(judgements, new Map(), run);
    expect(outcomes.map((outcome) => outcome.decision_id)).toEqual(judgements.map(({ decisionId }) => decisionId));
    return Object.fromEntries(judgements.map(({ ref }, i) => [ref.endpointId, outcomes[i] as Outcome]));
  } finally {
    run.time.dispose();
  }
}

/** One service with one pending connection `e1` of domain `domainId`. */
function onePending(domainId = 'a1'): FakeServices {
  return fakeServices([{ service: serviceOf('s1'), connections: [connectionOf('e1', { domainId })] }]);
}

function isAction({ method }: PortCall): boolean {
  return method === 'accept' || method === 'reject';
}

/** Throws each error once, in turn, at the actions of a port. */
function inTurn(...errors: readonly (Error | null)[]): (call: PortCall) => void {
  const left = [...errors];
  return (call) => {
    if (!isAction(call)) return;
    const error = left.shift();
    if (error) throw error;
  };
}

describe('carryOut', () => {
  test('applies what the cloud takes, and reads the wanted state back', async () => {
    const port = fakeServices([
      {
        service: serviceOf('s1'),
        connections: [
          connectionOf('e1', { domainId: 'a1' }),
          connectionOf('e2', { domainId: 'r1' }),
          connectionOf('e3', { domainId: 'h1' }),
          connectionOf('e4', { domainId: 'x1' }),
        ],
      },
    ]);
    expect(await carriedOut(port)).toMatchObject({
      e1: { status: 'applied', state: 'accepted', attempts: 1, request_ids: ['request-e1'] },
      e2: { status: 'applied', state: 'rejected', attempts: 1, request_ids: ['request-e2'] },
      e3: { status: 'withheld', by: 'hold', state: 'pending', attempts: 0, request_ids: [] },
      e4: { status: 'withheld', by: 'hold', state: 'pending', attempts: 0, request_ids: [] },
    });
    expect(callsOf(port, 'accept', 'reject')).toEqual(['accept e1', 'reject e2']);
  });

  test('reads many states back with one listing, not one by one', async () => {
    const many = Array.from({ length: 50 }, (_, i) => connectionOf(`e${i}`, { domainId: 'a1' }));
    const port = fakeServices([{ service: serviceOf('s1'), connections: many }]);
    await carriedOut(port);
    expect(callsOf(port, 'getConnection', 'listConnections')).toEqual(['listConnections s1', 'listConnections s1']);
  });

  test.each(['accepted', 'rejected'] as const)(
    'does not believe an answer that says `%s` while the list says otherwise',
    async (wanted) => {
      const port = onePending(wanted === 'accepted' ? 'a1' : 'r1');
      port.after = (call) => {
        if (isAction(call)) port.setState('e1', 'pending');
      };
      const { e1 } = await carriedOut(port);
      expect(e1).toMatchObject({ status: 'submitted', state: 'pending', attempts: 1 });
      expect(port.effects).toHaveLength(1);
    },
  );

  test('does not repeat a call whose answer was lost after it took effect', async () => {
    const port = onePending();
    port.after = inTurn(lostAnswer());
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'applied', state: 'accepted', attempts: 1 } });
    expect(callsOf(port, 'accept', 'getConnection')).toEqual(['accept e1', 'getConnection e1']);
  });

  test('repeats a call whose answer was lost before it took effect, after a look at the state', async () => {
    const port = onePending('r1');
    port.before = inTurn(lostAnswer('timeout'));
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'applied', state: 'rejected', attempts: 2 } });
    expect(callsOf(port, 'reject', 'getConnection')).toEqual([
      'reject e1',
      'getConnection e1',
      'reject e1',
      'getConnection e1',
    ]);
  });

  test('calls a state its own doing when the repeated call is told that it is done already', async () => {
    const port = onePending();
    // Lost on the way, seen as pending, and then it arrives late, before the second one.
    port.before = inTurn(lostAnswer(), null);
    const before = port.before;
    let sent = 0;
    port.before = async (call) => {
      if (call.method === 'accept' && ++sent === 2) port.setState('e1', 'accepted');
      await before(call);
    };
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'applied', state: 'accepted', attempts: 2 } });
  });

  test('gives up after three lost answers, and says that the connection is still pending', async () => {
    const port = onePending();
    port.before = (call) => {
      if (isAction(call)) throw lostAnswer();
    };
    const { e1 } = await carriedOut(port);
    expect(e1).toMatchObject({ status: 'failed', state: 'pending', attempts: 3, error: { retryable: true } });
    expect(callsOf(port, 'accept')).toHaveLength(3);
  });

  test('never repeats a lost call while the state cannot be read', async () => {
    const port = onePending();
    port.before = (call) => {
      if (isAction(call)) throw lostAnswer();
      if (call.method === 'getConnection') throw cloudError('EndPoint.0001', { httpStatus: 500 });
    };
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'failed', attempts: 1, error: { code: 'network' } } });
    expect(callsOf(port, 'accept')).toHaveLength(1);
  });

  test('asks for each connection that a list with holes does not show, before it repeats a lost call', async () => {
    const four = ['e1', 'e2', 'e3', 'e4'].map((id) => connectionOf(id, { domainId: 'a1' }));
    const port = fakeServices([{ service: serviceOf('s1'), connections: four }]);
    port.before = inTurn(lostAnswer());
    port.alterListing = (listing, { state }) =>
      state === 'pending' ? listing : { ...listing, connections: listing.connections.slice(3), isComplete: false };
    const outcomes = await carriedOut(port);
    expect(outcomes).toMatchObject({
      e1: { status: 'applied', attempts: 2 },
      e2: { status: 'applied', attempts: 1 },
      e4: { status: 'applied', attempts: 1 },
    });
    const calls = callsOf(port, 'accept', 'getConnection');
    expect(calls.slice(0, 4)).toEqual(['accept e1', 'accept e2', 'accept e3', 'accept e4']);
    expect(calls.slice(4, 8).every((call) => call.startsWith('getConnection'))).toBe(true);
    expect(calls.slice(8)).toEqual(['accept e1', 'getConnection e1']);
  });

  const refusals: readonly { code: string; domainId: string; state: ConnectionState | null }[] = [
    { code: 'EndPoint.2014', domainId: 'a1', state: 'accepted' },
    { code: 'EndPoint.2019', domainId: 'a1', state: 'creating' },
    { code: 'EndPoint.2013', domainId: 'a1', state: null },
    { code: 'EndPoint.2006', domainId: 'a1', state: null },
    { code: 'EndPoint.2008', domainId: 'r1', state: null },
    { code: 'EndPoint.2018', domainId: 'r1', state: 'deleting' },
    { code: 'EndPoint.2027', domainId: 'r1', state: 'rejected' },
    { code: 'EndPoint.2047', domainId: 'a1', state: 'failed' },
  ];
  test.each(refusals)('calls $code on a connection that is `$state` superseded', async ({ code, domainId, state }) => {
    const port = onePending(domainId);
    port.before = (call) => {
      if (!isAction(call)) return;
      if (state === null) port.remove('e1');
      else port.setState('e1', state);
      throw cloudError(code, { httpStatus: 400 });
    };
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'superseded', attempts: 1 } });
    expect(callsOf(port, 'accept', 'reject')).toHaveLength(1);
  });

  test.each([
    { code: 'EndPoint.0004', httpStatus: 403 },
    { code: 'http-403', httpStatus: 403 },
    { code: 'APIGW.0301', httpStatus: 401 },
    { code: 'EndPoint.2015', httpStatus: 400 },
    { code: 'EndPoint.0022', httpStatus: 400 },
    { code: 'EndPoint.9999', httpStatus: 418 },
  ])('fails on $code with status $httpStatus while the connection is pending, sent once', async (details) => {
    const port = onePending();
    port.before = inTurn(cloudError(details.code, details), cloudError(details.code, details));
    const { e1 } = await carriedOut(port);
    expect(e1).toMatchObject({
      status: 'failed',
      state: 'pending',
      attempts: 1,
      request_ids: [`request-${details.code}`],
      error: { code: details.code, http_status: details.httpStatus },
    });
    expect(callsOf(port, 'accept')).toHaveLength(1);
  });

  test('waits for a connection that is being created', async () => {
    const clock = quickClock();
    const port = onePending();
    port.acceptedState = 'creating';
    port.before = ({ method }) => {
      if (method === 'getConnection' && clock.now() > arrivesAt) port.setState('e1', 'accepted');
    };
    const arrivesAt = clock.now() + 5_000;
    expect(await carriedOut(port, { clock })).toMatchObject({ e1: { status: 'applied', state: 'accepted' } });
  });

  test('ends as submitted what is still being created after `confirm_seconds`', async () => {
    const clock = quickClock();
    const port = onePending();
    port.acceptedState = 'creating';
    const begin = clock.now();
    const { e1 } = await carriedOut(port, { clock, limits: { confirmSeconds: 5 } });
    expect(e1).toMatchObject({ status: 'submitted', state: 'creating', attempts: 1 });
    expect(clock.now() - begin).toBeLessThanOrEqual(5_000);
  });

  test('reads the state back once when `confirm_seconds` is 0', async () => {
    const port = onePending();
    port.acceptedState = 'creating';
    expect(await carriedOut(port, { limits: { confirmSeconds: 0 } })).toMatchObject({ e1: { status: 'submitted' } });
    expect(callsOf(port, 'getConnection')).toHaveLength(1);
  });

  test('goes on waiting when an accept whose answer was lost is being created', async () => {
    const port = onePending();
    port.acceptedState = 'creating';
    port.after = inTurn(lostAnswer());
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'submitted', state: 'creating', attempts: 1 } });
    expect(port.effects).toHaveLength(1);
  });

  test('fails with the cloud’s own error when the connection could not be created', async () => {
    const port = onePending();
    port.acceptedState = 'failed';
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'failed', state: 'failed' } });
  });

  test('calls a connection that went away after the accept superseded', async () => {
    const port = onePending();
    port.after = (call) => {
      if (isAction(call)) port.remove('e1');
    };
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'superseded' } });
  });

  test('sends nothing for what somebody else settled while the run was busy elsewhere', async () => {
    const clock = quickClock();
    const port = fakeServices([
      {
        service: serviceOf('s1'),
        connections: [connectionOf('e1', { domainId: 'r1' }), connectionOf('e2', { domainId: 'r1' })],
      },
    ]);
    const outcomes = await carriedOut(port, { clock }, REQUEST, () => {
      clock.advance(60_000);
      port.setState('e1', 'accepted');
    });
    expect(outcomes).toMatchObject({ e1: { status: 'superseded', attempts: 0 }, e2: { status: 'applied' } });
    expect(port.stateOf('e1')).toBe('accepted');
  });

  test('concludes nothing from a second list with holes', async () => {
    const clock = quickClock();
    const port = fakeServices([
      {
        service: serviceOf('s1'),
        connections: [connectionOf('e1', { domainId: 'a1' }), connectionOf('e2', { domainId: 'a1' })],
      },
    ]);
    const outcomes = await carriedOut(port, { clock }, REQUEST, () => {
      clock.advance(60_000);
      port.alterListing = (listing) => ({ ...listing, connections: [], isComplete: false });
    });
    expect(outcomes).toMatchObject({ e1: { status: 'applied' }, e2: { status: 'applied' } });
  });

  test('waits while the state that is read back is unknown', async () => {
    const port = onePending();
    let looks = 0;
    port.before = ({ method }) => {
      if (method === 'getConnection') port.setState('e1', ++looks < 3 ? 'unknown' : 'accepted');
    };
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'applied', state: 'accepted' } });
  });

  test('ends as submitted what only an unknown state was read back for', async () => {
    const port = onePending();
    port.before = ({ method }) => {
      if (method === 'getConnection') port.setState('e1', 'unknown');
    };
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'submitted', state: 'unknown' } });
  });

  test('is superseded when a lost reject finds somebody else’s accept under way', async () => {
    const port = onePending('r1');
    port.before = inTurn(lostAnswer());
    const before = port.before;
    port.before = async (call) => {
      if (call.method === 'getConnection') port.setState('e1', 'creating');
      await before(call);
    };
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'superseded', state: 'creating' } });
  });

  test('does not call withheld what may have been sent before', async () => {
    const port = onePending();
    port.before = inTurn(lostAnswer(), cloudError('deadline', { attempts: 0, requestIds: [] }));
    expect(await carriedOut(port)).toMatchObject({ e1: { status: 'failed', attempts: 1 } });
  });

  test('does not look at each connection again when the credentials are at fault', async () => {
    const port = onePending();
    port.before = inTurn(cloudError('APIGW.0301', { httpStatus: 401 }));
    await carriedOut(port);
    expect(callsOf(port, 'getConnection')).toEqual([]);
  });

  test('keeps to the number of actions in flight that the limits allow', async () => {
    const many = Array.from({ length: 40 }, (_, i) => connectionOf(`e${i}`, { domainId: 'a1' }));
    const port = fakeServices([{ service: serviceOf('s1'), connections: many }]);
    let inFlight = 0;
    let most = 0;
    port.before = async (call) => {
      if (!isAction(call)) return;
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
    };
    await carriedOut(port, { limits: { concurrency: 3 } });
    expect(most).toBe(3);
  });

  test('withholds everything by deadline once the run was told to stop', async () => {
    const port = onePending();
    const stop = new AbortController();
    const outcomes = await carriedOut(port, {}, { ...REQUEST, stop: stop.signal }, () => stop.abort());
    expect(outcomes).toMatchObject({ e1: { status: 'withheld', by: 'deadline', attempts: 0 } });
    expect(port.effects).toEqual([]);
  });

  test('lets an error that is not the cloud’s through, since that is a bug', async () => {
    const port = onePending();
    port.before = inTurn(new RangeError('a bug'));
    await expect(carriedOut(port)).rejects.toThrow('a bug');
  });
});
