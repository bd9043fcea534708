import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Answer,
  connection,
  OWN_DOMAIN,
  PROJECT,
  scenarioOf,
  startTestCloud,
  type TestCloud,
} from './local-client.ts';

const SERVICES = `/v1/${PROJECT}/vpc-endpoint-services`;
let cloud: TestCloud;

beforeEach(async () => {
  cloud = await startTestCloud(
    scenarioOf([
      {
        id: 'old',
        service_name: 'Payments',
        age: '2d',
        tags: { env: 'prod', team: 'a' },
        permissions: ['iam:domain::aaa', 'organizations:orgPath::o-1/*', '*'],
        connections: [
          connection('c1'),
          connection('c2', { status: 'accepted' }),
          connection('c3', { status: 'creating' }),
          connection('own', { domain_id: OWN_DOMAIN, endpoint: { tags: { env: 'dev' } } }),
        ],
      },
      { id: 'new', service_name: 'ap-southeast-1.ledger.x', age: '1h', tags: { env: 'dev' }, approval_enabled: false },
      { id: 'broken', service_name: 'broken', age: '1d', status: 'failed' },
      ...Array.from({ length: 9 }, (_, index) => ({
        id: `more-${index}`,
        service_name: `more-${index}`,
        age: `${index + 5}d`,
      })),
    ]),
  );
});
afterEach(() => cloud.close());

const ids = (answer: Answer) => (answer.json()['endpoint_services'] as { id: string }[]).map(({ id }) => id);

function put(id: string, body: unknown): Promise<Answer> {
  return cloud.call({ method: 'PUT', path: `${SERVICES}/${id}`, body });
}

function post(resource: string, body: unknown): Promise<Answer> {
  return cloud.call({ method: 'POST', path: `/v1/${PROJECT}/${resource}/tags/action`, body });
}

describe('listServices', () => {
  test('gives ten, newest first, with the count of all', async () => {
    const answer = await cloud.call(SERVICES);
    expect(ids(answer)).toEqual(['new', 'broken', 'old', ...Array.from({ length: 7 }, (_, index) => `more-${index}`)]);
    expect(answer.json()['total_count']).toBe(12);
    expect(ids(await cloud.call(`${SERVICES}?offset=10`))).toEqual(['more-7', 'more-8']);
  });

  test('writes an item as documented: tags, full name, connections without those that wait', async () => {
    const answer = await cloud.call(`${SERVICES}?id=old`);
    expect(answer.json()['endpoint_services']).toEqual([
      expect.objectContaining({
        id: 'old',
        service_name: 'ap-southeast-1.Payments.old',
        server_type: 'VM',
        status: 'available',
        approval_enabled: true,
        created_at: '2026-11-19T12:00:00Z',
        project_id: PROJECT,
        domain_id: OWN_DOMAIN,
        connection_count: 2,
        tags: [
          { key: 'env', value: 'prod' },
          { key: 'team', value: 'a' },
        ],
      }),
    ]);
  });

  test.each([
    { query: 'endpoint_service_name=PAYM', found: ['old'] },
    { query: 'endpoint_service_name=ledger', found: ['new'] },
    { query: 'endpoint_service_name=nothing', found: [] },
    { query: 'status=failed', found: ['broken'] },
    { query: 'limit=2&sort_dir=asc', found: ['more-8', 'more-7'] },
  ])('finds $found by $query', async ({ query, found }) => {
    expect(ids(await cloud.call(`${SERVICES}?${query}`))).toEqual(found);
  });

  test.each([
    ['limit=1001', 'EndPoint.0006'],
    ['offset=x', 'EndPoint.0010'],
    ['sort_key=name', 'EndPoint.0017'],
    ['sort_dir=x', 'EndPoint.0018'],
    ['status=pendingAcceptance', 'EndPoint.0019'],
  ])('answers 400 to %s with %s', async (query, code) => {
    const answer = await cloud.call(`${SERVICES}?${query}`);
    expect([answer.status, answer.code()]).toEqual([400, code]);
  });
});

describe('showService', () => {
  test('shows one service', async () => {
    const answer = await cloud.call(`${SERVICES}/new`);
    expect(answer.json()).toMatchObject({
      id: 'new',
      approval_enabled: false,
      service_name: 'ap-southeast-1.ledger.x',
    });
    expect(answer.text).not.toContain('connection_count');
  });

  test.each(['nothing', 'other-service'])('answers 404 for %s', async (id) => {
    const answer = await cloud.call(`${SERVICES}/${id}`);
    expect([answer.status, answer.code()]).toEqual([404, 'EndPoint.0005']);
  });
});

describe('modifyService', () => {
  test('switches approval on and nothing else; later connections wait', async () => {
    cloud.clock.advance(60_000);
    const before = (await cloud.call(`${SERVICES}/new`)).json();
    expect(cloud.cloud.addConnection('new', connection('early')).status).toBe('accepted');
    const answer = await put('new', { approval_enabled: true });
    expect(answer.json()).toEqual({ ...before, approval_enabled: true, updated_at: '2026-11-21T12:01:00Z' });
    expect(cloud.cloud.addConnection('new', connection('late')).status).toBe('pendingAcceptance');
    expect(cloud.cloud.connection('early')?.status).toBe('accepted');
  });

  test('takes everything that page 003 documents', async () => {
    const ports = [{ client_port: 8081, server_port: 22, protocol: 'TCP' }];
    const answer = await put('old', {
      service_name: 'test_1-x',
      description: 'new',
      tcp_proxy: 'proxy_open',
      port_id: 'port',
      ip: '192.0.2.1',
      vip_port_id: 'vip',
      ports,
    });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({
      service_name: 'ap-southeast-1.test_1-x.old',
      description: 'new',
      tcp_proxy: 'proxy_open',
      port_id: 'port',
      ports,
    });
  });

  test.each<[string, unknown]>([
    ['an unknown key', { approval_enabled: true, tags: [] }],
    ['a text for a flag', { approval_enabled: 'true' }],
    ['a name of 17 characters', { service_name: 'x'.repeat(17) }],
    ['a name with a dot', { service_name: 'a.b' }],
    ['a description in angle brackets', { description: '<b>' }],
    ['a description of 129 characters', { description: 'x'.repeat(129) }],
    ['an unknown proxy', { tcp_proxy: 'on' }],
    ['a port out of range', { ports: [{ client_port: 0, server_port: 1 }] }],
    ['a protocol that is not TCP', { ports: [{ client_port: 1, server_port: 1, protocol: 'UDP' }] }],
    ['201 ports', { ports: Array.from({ length: 201 }, () => ({ client_port: 1, server_port: 1 })) }],
    ['an empty ip', { ip: '' }],
    ['bytes that are not JSON', 'approval_enabled=true'],
  ])('refuses %s and changes nothing', async (_what, body) => {
    const before = await cloud.call(`${SERVICES}/old`);
    const answer = await put('old', body);
    expect([answer.status, answer.code()]).toEqual([400, 'EndPoint.0002']);
    expect((await cloud.call(`${SERVICES}/old`)).text).toBe(before.text);
  });

  test('refuses a service that is not available or not there', async () => {
    expect((await put('broken', { approval_enabled: true })).code()).toBe('EndPoint.3045');
    expect((await put('nothing', { approval_enabled: true })).code()).toBe('EndPoint.0005');
  });
});

describe('listPermissions', () => {
  test('lists the whitelist in pages of up to 500', async () => {
    const answer = await cloud.call(`${SERVICES}/old/permissions?limit=2`);
    expect(answer.json()).toEqual({
      permissions: [
        {
          id: expect.any(String),
          permission: 'iam:domain::aaa',
          permission_type: 'domainId',
          created_at: expect.any(String),
        },
        expect.objectContaining({ permission: 'organizations:orgPath::o-1/*', permission_type: 'orgPath' }),
      ],
      total_count: 3,
    });
    expect((await cloud.call(`${SERVICES}/old/permissions?permission=domain`)).json()['total_count']).toBe(1);
    expect((await cloud.call(`${SERVICES}/old/permissions?limit=501`)).code()).toBe('EndPoint.0006');
    expect((await cloud.call(`${SERVICES}/nothing/permissions`)).code()).toBe('EndPoint.2003');
  });
});

describe('listTags', () => {
  test('gives the values of each key over all services, and over all own endpoints', async () => {
    expect((await cloud.call(`/v1/${PROJECT}/endpoint_service/tags`)).json()).toEqual({
      tags: [
        { key: 'env', values: ['dev', 'prod'] },
        { key: 'team', values: ['a'] },
      ],
    });
    expect((await cloud.call(`/v1/${PROJECT}/endpoint/tags`)).json()).toEqual({
      tags: [{ key: 'env', values: ['dev'] }],
    });
    expect((await cloud.call(`/v1/${PROJECT}/cluster/tags`)).code()).toBe('EndPoint.0002');
  });
});

describe('changeTags', () => {
  test('adds, replaces and removes tags', async () => {
    const tags = [
      { key: 'env', value: 'test' },
      { key: 'freeze', value: '' },
    ];
    expect((await post('endpoint_service/old', { action: 'create', tags })).status).toBe(204);
    const removal = [{ key: 'team' }, { key: 'env', value: 'another value' }];
    expect((await post('endpoint_service/old', { action: 'delete', tags: removal })).status).toBe(204);
    expect((await cloud.call(`${SERVICES}/old`)).json()['tags']).toEqual(tags);
    expect((await post('endpoint/own', { action: 'create', tags })).status).toBe(204);
    expect(cloud.cloud.connection('own')?.endpoint?.tags.get('env')).toBe('test');
  });

  test.each<[string, string, unknown, string]>([
    ['an unknown action', 'endpoint_service/old', { action: 'add', tags: [] }, 'EndPoint.0007'],
    [
      'a reserved key',
      'endpoint_service/old',
      { action: 'create', tags: [{ key: '_sys_x', value: '' }] },
      'EndPoint.0002',
    ],
    ['a missing value', 'endpoint_service/old', { action: 'create', tags: [{ key: 'x' }] }, 'EndPoint.0002'],
    [
      'an eleventh tag',
      'endpoint_service/old',
      { action: 'create', tags: Array.from({ length: 9 }, (_, index) => ({ key: `k${index}`, value: '' })) },
      'EndPoint.0002',
    ],
    ['an unknown service', 'endpoint_service/nothing', { action: 'delete', tags: [{ key: 'x' }] }, 'EndPoint.0005'],
    ['another account’s endpoint', 'endpoint/c1', { action: 'delete', tags: [{ key: 'x' }] }, 'EndPoint.0005'],
  ])('refuses %s', async (_what, resource, body, code) => {
    expect((await post(resource, body)).code()).toBe(code);
    expect(cloud.cloud.service('old')?.tags.size).toBe(2);
  });
});
