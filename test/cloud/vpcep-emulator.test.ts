/** The adapter against the local cloud, over HTTP and signed: each call in each profile, and answers that are neither yes nor lost. */
import { afterEach, describe, expect, test } from 'vitest';
import { handlingOf } from '../../lib/cloud/handling.ts';
import type { Profile } from '../../lib/cloud/regions.ts';
import { createVpcep } from '../../lib/cloud/vpcep.ts';
import type { ScenarioService } from '../../lib/emulator/scenario.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { errorOf, PATIENT } from './client-bench.ts';
import { startEmulatedBench, type EmulatedBench } from './emulated-bench.ts';

const open: EmulatedBench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ cloud }) => cloud.close()));
});

const CONNECTIONS = ['e1', 'e2'].map((id) => ({ id, domain_id: 'd' }));

async function subject(profile: Profile, service: Partial<ScenarioService> = {}) {
  const services = [{ id: 's', service_name: 'n', connections: CONNECTIONS, ...service }];
  const bench = await startEmulatedBench({ profile, services });
  open.push(bench);
  return { ...bench, vpcep: createVpcep({ ...bench.options, profile }) };
}

describe.each(['huaweicloud', 'otc'] as const)('createVpcep with profile %s', (profile) => {
  test('reads and acts', async () => {
    const { vpcep, cloud, run } = await subject(profile, { approval_enabled: false, tags: { env: 'prod' } });
    expect(await run(vpcep.listServices(PATIENT))).toMatchObject([{ serviceId: 's', approvalEnabled: false }]);
    await run(vpcep.enableApproval('s', PATIENT));
    expect(await run(vpcep.getService('s', PATIENT))).toMatchObject({ approvalEnabled: true });
    expect(await run(vpcep.reject('s', ['e1'], PATIENT))).toMatchObject({
      connections: [{ endpointId: 'e1', state: 'rejected', description: profile === 'otc' ? UNKNOWN : null }],
    });
    expect(await run(vpcep.accept('s', ['e1'], PATIENT))).toMatchObject({ connections: [{ state: 'accepted' }] });
    expect(cloud.changes).toHaveLength(2);
  });

  test.each([
    { permissions: [], whitelist: { isOpen: false, domainIds: [], others: [] } },
    { permissions: ['*'], whitelist: { isOpen: true, domainIds: [], others: [] } },
    {
      permissions: ['iam:domain::d', 'organizations:orgPath::o/*'],
      whitelist: { isOpen: false, domainIds: ['d'], others: ['organizations:orgPath::o/*'] },
    },
  ])('reads the whitelist $permissions', async ({ permissions, whitelist }) => {
    const { vpcep, run } = await subject(profile, { permissions });
    expect(await run(vpcep.getWhitelist('s', PATIENT))).toEqual(whitelist);
  });
});

describe('describeConnections', () => {
  test('writes what the consumer then reads', async () => {
    const { vpcep, run } = await subject('huaweicloud');
    await run(vpcep.describeConnections('s', new Map([['e1', 'held: no rule knows this account']]), PATIENT));
    expect(await run(vpcep.getConnection('s', 'e1', PATIENT))).toMatchObject({
      description: 'held: no rule knows this account',
      state: 'pending',
    });
  });

  test('is refused by a region that has no such call, whatever the profile says', async () => {
    const bench = await startEmulatedBench({
      profile: 'otc',
      services: [{ id: 's', service_name: 'n', connections: CONNECTIONS }],
    });
    open.push(bench);
    const vpcep = createVpcep({ ...bench.options, profile: 'huaweicloud' });
    const error = await errorOf(bench.run(vpcep.describeConnections('s', new Map([['e1', 'text']]), PATIENT)));
    expect(error).toMatchObject({ code: 'APIG.0101', httpStatus: 404, effect: 'none' });
  });
});

describe('an accept', () => {
  test.each([
    { faults: 'conflict', handling: 'superseded' },
    { faults: 'precondition', handling: 'retry' },
    { faults: 'busy', handling: 'retry' },
  ])('is refused with $faults, to be handled as $handling', async ({ faults, handling }) => {
    const { vpcep, cloud, run } = await subject('huaweicloud');
    cloud.setFaults(faults);
    const error = await errorOf(run(vpcep.accept('s', ['e1'], PATIENT)));
    expect(error).toMatchObject({ effect: 'none', attempts: 1 });
    expect(handlingOf(error)).toBe(handling);
    expect(cloud.changes).toEqual([]);
  });
});
