import { describe, expect, test } from 'vitest';
import { Cloud } from '../../lib/emulator/cloud.ts';
import { defaultScenario } from '../../lib/emulator/default-scenario.ts';
import { startEmulator } from '../../lib/emulator/emulator.ts';
import { standingClock } from './local-client.ts';

describe('defaultScenario', () => {
  const cloud = new Cloud(defaultScenario(), standingClock(), 1);
  const pending = cloud.connections({ status: 'pendingAcceptance' });

  test('has services for production, for developers, under a freeze, and without approval', () => {
    const services = cloud.projects().flatMap(({ services }) => services);
    expect(services.map(({ tags }) => tags.get('env'))).toEqual(expect.arrayContaining(['prod', 'dev']));
    expect(services.some(({ tags }) => tags.has('freeze'))).toBe(true);
    expect(services.filter(({ approvalEnabled }) => !approvalEnabled)).toHaveLength(1);
  });

  test('has more waiting than a default page shows, and a marker id above 2^53', () => {
    expect(
      cloud.count({ serviceId: '4189d3c2-8882-4871-a3c2-d380272eed88', status: 'pendingAcceptance' }),
    ).toBeGreaterThan(10);
    expect(pending.some(({ markerId }) => BigInt(markerId) > 2n ** 53n)).toBe(true);
  });

  test('has endpoints whose tags can be read and endpoints whose tags cannot', () => {
    expect(new Set(pending.map(({ endpoint }) => endpoint === null))).toEqual(new Set([true, false]));
  });

  test('has a project on either cloud', () => {
    expect(cloud.projects().map(({ projectId, profile, region }) => [projectId, profile, region])).toEqual([
      ['6e9dfd51d1124e8d8498dce894923a0d', 'huaweicloud', 'ap-southeast-1'],
      ['6204a5bd270343b5885144cf9c8c158d', 'otc', 'eu-de'],
    ]);
  });

  test('has clusters with connections in every state that matters, one of them the account’s own', () => {
    const project = cloud.project('6204a5bd270343b5885144cf9c8c158d');
    const found = project?.clusters.flatMap(({ id }) => cloud.connections({ serviceId: id })) ?? [];
    expect(project?.clusters).toHaveLength(2);
    expect(new Set(found.map(({ status }) => status))).toEqual(new Set(['accepted', 'rejected', 'pendingAcceptance']));
    expect(found.filter(({ domainId }) => domainId === project?.domainId).map(({ status }) => status)).toContain(
      'accepted',
    );
  });

  test('has whitelists that name accounts, that name everybody, and that name nobody', () => {
    const projects = cloud.projects();
    const lists = projects.flatMap(({ services, clusters }) => [...services, ...clusters]);
    const services = projects.find(({ profile }) => profile === 'otc')?.services;
    expect(services?.map(({ permissions }) => permissions)).toEqual([['*']]);
    expect(lists.some(({ permissions }) => permissions.length === 0)).toBe(true);
    expect(lists.some(({ permissions }) => permissions.length > 1)).toBe(true);
  });

  test('is what an emulator starts with that is given none', async () => {
    const emulator = await startEmulator({ clock: standingClock() });
    expect(emulator.cloud.connections()).toEqual(cloud.connections());
    await emulator.close();
  });
});
