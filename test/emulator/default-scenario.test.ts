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

  test('is what an emulator starts with that is given none', async () => {
    const emulator = await startEmulator({ clock: standingClock() });
    expect(emulator.cloud.connections()).toEqual(cloud.connections());
    await emulator.close();
  });
});
