/** The adapter against the local cloud, over HTTP and signed: each dialect, and each way to go wrong. */
import { afterEach, describe, expect, test } from 'vitest';
import type { CloudError } from '../../lib/cloud/cloud-error.ts';
import { createCss } from '../../lib/cloud/css.ts';
import type { EndpointServices } from '../../lib/cloud/endpoint-services.ts';
import { handlingOf } from '../../lib/cloud/handling.ts';
import type { Profile } from '../../lib/cloud/regions.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import type { ScenarioCluster, ScenarioProject } from '../../lib/emulator/scenario.ts';
import { errorOf, PATIENT } from './client-bench.ts';
import { startEmulatedBench, type EmulatedBench } from './emulated-bench.ts';

const CONNECTIONS = ['e1', 'e2', 'e3'].map((id) => ({ id, domain_id: 'd', status: 'pendingAcceptance' as const }));

interface Subject extends EmulatedBench {
  readonly css: EndpointServices;
}

const open: EmulatedBench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ cloud }) => cloud.close()));
});

async function subject(
  profile: Profile = 'huaweicloud',
  project: Partial<ScenarioProject> = {},
  cluster: Partial<ScenarioCluster> = {},
): Promise<Subject> {
  const clusters = [{ id: 'c', name: 'search', tags: { env: 'prod' }, connections: CONNECTIONS, ...cluster }];
  const bench = await startEmulatedBench({ profile, clusters, ...project });
  open.push(bench);
  return { ...bench, css: createCss({ ...bench.options, profile }) };
}

const statesOf = ({ cloud }: Subject) => cloud.cloud.connections({ serviceId: 'c' }).map(({ status }) => status);

describe.each(['huaweicloud', 'otc'] as const)('createCss with profile %s', (profile) => {
  test('reads and acts', async () => {
    const { css, cloud, run } = await subject(profile);
    expect(await run(css.listServices(PATIENT))).toMatchObject([
      { serviceId: 'c', name: 'search', serverType: null, tags: new Map([['env', 'prod']]), approvalEnabled: UNKNOWN },
    ]);
    expect(await run(css.getService('c', PATIENT))).toMatchObject({ serviceId: 'c' });
    expect(await run(css.getWhitelist('c', PATIENT))).toEqual({ isOpen: true, domainIds: [], others: [] });
    expect(await run(css.accept('c', ['e1', 'e3'], PATIENT))).toMatchObject({ attempts: 1 });
    expect(await run(css.reject('c', ['e2'], PATIENT))).toMatchObject({ attempts: 1 });
    const { connections } = await run(css.listConnections('c', {}, PATIENT));
    expect(connections.map(({ endpointId, state }) => [endpointId, state])).toEqual([
      ['e1', 'accepted'],
      ['e2', 'rejected'],
      ['e3', 'accepted'],
    ]);
    expect(css.takeNotices?.()).toEqual([]);
    expect(cloud.changes).toHaveLength(3);
  });

  test('finds out that the region has the other key', async () => {
    const other = profile === 'otc' ? 'endpoint_id_list' : 'endpointIdList';
    const { css, cloud, run } = await subject(profile, { css: { ids_key: other } });
    expect(await run(css.accept('c', ['e1'], PATIENT))).toMatchObject({ attempts: 2 });
    expect(await run(css.accept('c', ['e2'], PATIENT))).toMatchObject({ attempts: 1 });
    expect(css.takeNotices?.()).toMatchObject([{ details: { profile, worked: other } }]);
    expect(cloud.changes).toHaveLength(2);
  });

  test.each([
    { page_parameter: 'offset', first_item: 0 },
    { page_parameter: 'offset', first_item: 1 },
    { page_parameter: 'start', first_item: 0 },
    { page_parameter: 'start', first_item: 1 },
  ] as const)('reads more than a page by $page_parameter from $first_item', async (dialect) => {
    const cluster = { connections: [], generate: { connections: 1_500, domains: 7 } };
    const { css, run } = await subject(profile, { css: dialect }, cluster);
    const listing = await run(css.listConnections('c', {}, PATIENT));
    expect(listing.isComplete).toBe(true);
    expect(new Set(listing.connections.map(({ endpointId }) => endpointId)).size).toBe(1_500);
    expect(listing.connections).toHaveLength(1_500);
  });
});

describe('a busy cluster', () => {
  test('is no success, and nothing is done twice', async () => {
    const made = await subject('huaweicloud', {}, { busy: true });
    const error = await errorOf(made.run(made.css.accept('c', ['e1'], PATIENT)));
    expect(error).toMatchObject({ code: 'CSS.0011', httpStatus: 202, effect: 'none', retryable: true, attempts: 1 });
    expect(made.cloud.changes).toEqual([]);
  });
});

/** Each kind of fault, at a read and at an accept of which it hits the first sending. */
describe('each kind of fault', () => {
  // A read that gets over the fault; how an accept ends, and whether it was done.
  const DONE = { isDone: true, effect: null } as const;
  const REFUSED = { isDone: false, effect: 'none' } as const;
  test.each([
    { faults: 'throttle:1', accept: DONE },
    { faults: 'throttle-retry-after=3s:1', accept: DONE },
    { faults: 'throttle-400:1', accept: DONE },
    { faults: 'error-500:1', accept: { isDone: false, effect: 'unknown' } },
    { faults: 'error-500=after:1', accept: { isDone: true, effect: 'unknown' } },
    { faults: 'error-502:1', accept: { isDone: false, effect: 'unknown' } },
    { faults: 'error-503:1', accept: { isDone: false, effect: 'unknown' } },
    { faults: 'html=after:1', accept: { isDone: true, effect: 'unknown' } },
    { faults: 'reset-before:1', accept: { isDone: false, effect: 'unknown' } },
    { faults: 'reset-after:1', accept: { isDone: true, effect: 'unknown' } },
    { faults: 'hang:1', accept: { isDone: false, effect: 'unknown' } },
    { faults: 'slow=2s:1', accept: DONE },
    { faults: 'slow=60s:1', accept: { isDone: true, effect: 'unknown' } },
    { faults: 'busy:1', accept: REFUSED },
    // An empty answer has nothing to cut.
    { faults: 'truncated:1', accept: DONE },
  ])('$faults is got over by a read, and an accept says what it knows', async ({ faults, accept }) => {
    const made = await subject();
    made.cloud.setFaults(faults);
    const listing = await made.run(made.css.listConnections('c', {}, PATIENT));
    expect(listing).toMatchObject({ isComplete: true, connections: [{}, {}, {}] });

    made.cloud.setFaults(faults);
    const error = await made.run(
      made.css.accept('c', ['e1', 'e2'], PATIENT).then(
        () => null,
        (reason: CloudError) => reason,
      ),
    );
    expect(error === null ? null : error.effect).toBe(accept.effect);
    expect(made.cloud.changes.map(({ endpointId }) => endpointId)).toEqual(accept.isDone ? ['e1', 'e2'] : []);
  });

  test.each([
    { faults: 'conflict', handling: 'superseded' },
    { faults: 'precondition', handling: 'superseded' },
    { faults: 'busy', handling: 'retry' },
  ])('$faults leaves an accept to another look', async ({ faults, handling }) => {
    const made = await subject();
    made.cloud.setFaults(faults);
    const error = await errorOf(made.run(made.css.accept('c', ['e1'], PATIENT)));
    expect(error).toMatchObject({ effect: 'none', attempts: 1 });
    expect(handlingOf(error)).toBe(handling);
    expect(statesOf(made)).toEqual(['pendingAcceptance', 'pendingAcceptance', 'pendingAcceptance']);
  });

  test.each(['duplicate-item:1', 'vanish-item:1'])('%s loses no connection', async (faults) => {
    const made = await subject('huaweicloud', {}, { connections: [], generate: { connections: 2_100 } });
    made.cloud.setFaults(faults);
    const listing = await made.run(made.css.listConnections('c', {}, PATIENT));
    const ids = listing.connections.map(({ endpointId }) => endpointId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(2_100);
  });

  test('missing-field leaves the fact unknown', async () => {
    const made = await subject();
    made.cloud.setFaults('missing-field=domain_id');
    expect((await made.run(made.css.listConnections('c', {}, PATIENT))).connections[0]?.domainId).toBe(UNKNOWN);
    made.cloud.setFaults('missing-field=tags');
    expect(await made.run(made.css.getServiceTags('c', PATIENT))).toBe(UNKNOWN);
  });

  test('unknown-state leaves the state unknown', async () => {
    const made = await subject();
    made.cloud.setFaults('unknown-state');
    const listing = await made.run(made.css.listConnections('c', { state: 'pending' }, PATIENT));
    expect(listing.connections.length).toBeGreaterThan(0);
    expect(listing.connections.every(({ state }) => state === 'unknown')).toBe(true);
  });

  test('clock-skew refuses the credentials, once', async () => {
    const made = await subject();
    made.cloud.setFaults('clock-skew');
    const error = await errorOf(made.run(made.css.listConnections('c', {}, PATIENT)));
    expect(error).toMatchObject({ code: 'APIGW.0301', httpStatus: 401 });
    expect(handlingOf(error)).toBe('configuration');
    expect(made.cloud.requests).toHaveLength(1);
  });
});
