import { describe, expect, test } from 'vitest';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { withholdWrites } from '../../lib/cloud/dry-run.ts';
import type { EndpointServices } from '../../lib/cloud/endpoint-services.ts';
import { PATIENT } from './client-bench.ts';

function mustNotBeCalled(): never {
  throw new Error('a write went through');
}

const SERVICES: EndpointServices = {
  kind: 'vpcep',
  region: 'r',
  projectId: 'p',
  listServices: async () => [],
  getService: async () => null,
  getServiceTags: async () => UNKNOWN,
  listConnections: async () => ({ connections: [], isComplete: true, pages: 1 }),
  getConnection: async () => null,
  getEndpoint: async () => ({ vpcId: UNKNOWN, projectId: UNKNOWN, tags: UNKNOWN }),
  endpointsPerAction: 50,
  canDescribe: true,
  getWhitelist: async () => UNKNOWN,
  getOwnDomainId: async () => 'own',
  accept: mustNotBeCalled,
  describeConnections: mustNotBeCalled,
  reject: mustNotBeCalled,
  enableApproval: mustNotBeCalled,
};

describe('withholdWrites', () => {
  test.each([
    { name: 'accept', call: (services: EndpointServices) => services.accept('s', ['e'], PATIENT) },
    { name: 'reject', call: (services: EndpointServices) => services.reject('s', ['e'], PATIENT) },
    {
      name: 'describe connections',
      call: (services: EndpointServices) => services.describeConnections('s', new Map([['e', 'text']]), PATIENT),
    },
    { name: 'enable approval', call: (services: EndpointServices) => services.enableApproval('s', PATIENT) },
  ])('rejects $name without sending it', async ({ name, call }) => {
    await expect(call(withholdWrites(SERVICES))).rejects.toMatchObject({
      name: 'CloudError',
      message: `${name}: withheld by dry-run`,
      code: 'dry-run',
      attempts: 0,
      requestIds: [],
      effect: 'none',
      retryable: false,
    });
  });

  test('lets every read through', async () => {
    const services = withholdWrites(SERVICES);
    expect(services).toMatchObject({ kind: 'vpcep', region: 'r', projectId: 'p' });
    expect(services).toMatchObject({ endpointsPerAction: 50, canDescribe: true });
    expect(await services.listServices(PATIENT)).toEqual([]);
    expect(await services.getService('s', PATIENT)).toBeNull();
    expect(await services.getServiceTags('s', PATIENT)).toBe(UNKNOWN);
    expect(await services.listConnections('s', {}, PATIENT)).toMatchObject({ isComplete: true });
    expect(await services.getConnection('s', 'e', PATIENT)).toBeNull();
    expect(await services.getEndpoint('e', PATIENT)).toMatchObject({ vpcId: UNKNOWN });
    expect(await services.getWhitelist('s', PATIENT)).toBe(UNKNOWN);
    expect(await services.getOwnDomainId(PATIENT)).toBe('own');
  });

  test('hands on notices, of which most adapters have none', () => {
    const notice = { code: 'css-dialect', message: 'm', details: {} } as const;
    expect(withholdWrites(SERVICES).takeNotices?.()).toEqual([]);
    expect(withholdWrites({ ...SERVICES, takeNotices: () => [notice] }).takeNotices?.()).toEqual([notice]);
  });
});
