import { describe, expect, test } from 'vitest';
import { withholdWrites } from '../../lib/cloud/dry-run.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import type { Guard } from '../../lib/reconcile/run.ts';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  callsOf,
  cloudError,
  connectionOf,
  type FakeServices,
  fakeServices,
  lostAnswer,
  serviceOf,
} from '../support/fake-services.ts';
import { failFrom, memoryStore } from '../support/memory-store.ts';
import { REQUEST, settingsOf } from '../support/run-settings.ts';
import { recordsIn, recordsOf, runsIn } from '../support/trail.ts';

function openService(approvalEnabled: boolean | typeof UNKNOWN = false): FakeServices {
  const pending = [connectionOf('e1', { domainId: 'a1' })];
  return fakeServices([{ service: serviceOf('s1', { approvalEnabled }), connections: pending }]);
}

async function guarded(port: FakeServices, guard: Guard, store = memoryStore()) {
  const result = await sweep(settingsOf({ ports: [port], guard, store }), REQUEST);
  return { result, codes: result.findings.map(({ code, severity }) => `${code} ${severity}`) };
}

describe('guardService', () => {
  test.each(['off', 'report', 'enforce'] as const)(
    'says nothing of a service with approval under `%s`',
    async (guard) => {
      const port = openService(true);
      expect((await guarded(port, guard)).codes).toEqual([]);
      expect(callsOf(port, 'enableApproval')).toEqual([]);
    },
  );

  test.each(['off', 'report', 'enforce'] as const)(
    'never guesses when approval cannot be read under `%s`',
    async (guard) => {
      const port = openService(UNKNOWN);
      expect((await guarded(port, guard)).codes).toEqual([]);
      expect(callsOf(port, 'enableApproval')).toEqual([]);
    },
  );

  test('says nothing when it is off', async () => {
    expect((await guarded(openService(), 'off')).codes).toEqual([]);
  });

  test('reports the service and changes nothing under `report`', async () => {
    const port = openService();
    const { result, codes } = await guarded(port, 'report');
    expect(codes).toEqual(['approval-disabled warning']);
    expect(result.findings[0]?.subject).toMatchObject({ projectId: 'p1', serviceId: 's1' });
    expect(callsOf(port, 'enableApproval')).toEqual([]);
    expect(result.counts.accepted).toBe(1);
  });

  test('switches approval on under `enforce`, reads it back, and says so', async () => {
    const port = openService();
    const store = memoryStore();
    const { codes } = await guarded(port, 'enforce', store);
    expect(codes).toEqual(['approval-disabled warning', 'approval-restored info']);
    expect(callsOf(port, 'enableApproval', 'getService')).toEqual(['enableApproval s1', 'getService s1']);
    expect(recordsOf(await runsIn(store), 'finding').map(({ data }) => data.code)).toEqual([
      'approval-disabled',
      'approval-restored',
    ]);
  });

  test('has its finding durable before it changes the service', async () => {
    const port = openService();
    const store = memoryStore();
    const durable: string[] = [];
    store.afterCreate = (_, bytes) => void durable.push(...recordsIn(bytes).map(({ type }) => type));
    let seen: readonly string[] = [];
    port.before = ({ method }) => {
      if (method === 'enableApproval') seen = [...durable];
    };
    await guarded(port, 'enforce', store);
    expect(seen).toEqual(['vpcep-approver.run.started.v1', 'vpcep-approver.finding.v1']);
  });

  test('changes nothing when the finding cannot be written', async () => {
    const port = openService();
    const store = memoryStore();
    failFrom(store, 1);
    await expect(guarded(port, 'enforce', store)).rejects.toMatchObject({ name: 'StoreError' });
    expect(callsOf(port, 'enableApproval', 'accept')).toEqual([]);
  });

  test('reports an error when the cloud refuses, and judges the connections all the same', async () => {
    const port = openService();
    port.before = ({ method }) => {
      if (method === 'enableApproval') throw cloudError('EndPoint.0004', { httpStatus: 403 });
    };
    const { result, codes } = await guarded(port, 'enforce');
    expect(codes).toEqual(['approval-disabled warning', 'service-failed error']);
    expect(result.findings[1]?.details).toMatchObject({ code: 'EndPoint.0004' });
    expect(result.counts.accepted).toBe(1);
  });

  test('reports an error when the service is read back without approval', async () => {
    const port = openService();
    port.after = ({ method }) => {
      if (method === 'enableApproval') port.setApproval('s1', false);
    };
    expect((await guarded(port, 'enforce')).codes).toEqual(['approval-disabled warning', 'service-failed error']);
  });

  test('reads the service back when the answer was lost, and believes that', async () => {
    const took = openService();
    took.after = ({ method }) => {
      if (method === 'enableApproval') throw lostAnswer();
    };
    expect((await guarded(took, 'enforce')).codes).toEqual(['approval-disabled warning', 'approval-restored info']);
    const lost = openService();
    lost.before = ({ method }) => {
      if (method === 'enableApproval') throw lostAnswer();
    };
    expect((await guarded(lost, 'enforce')).codes).toEqual(['approval-disabled warning', 'service-failed error']);
  });

  test('changes nothing in dry-run', async () => {
    const port = openService();
    const settings = settingsOf({ ports: [withholdWrites(port)], guard: 'enforce', mode: 'dry-run' });
    const { findings } = await sweep(settings, REQUEST);
    expect(findings.map(({ code }) => code)).toEqual(['approval-disabled']);
    expect(callsOf(port, 'enableApproval')).toEqual([]);
  });

  test('changes nothing once the run was told to stop', async () => {
    const port = openService();
    const stop = new AbortController();
    port.after = ({ method }) => {
      if (method === 'listServices') stop.abort();
    };
    await sweep(settingsOf({ ports: [port], guard: 'enforce' }), { ...REQUEST, stop: stop.signal });
    expect(callsOf(port, 'enableApproval')).toEqual([]);
  });
});
