import { afterEach, describe, expect, test } from 'vitest';
import { UNKNOWN } from '../../lib/core/fact.ts';
import type { EndpointServices } from '../../lib/cloud/endpoint-services.ts';
import { handlingOf } from '../../lib/cloud/handling.ts';
import type { Profile } from '../../lib/cloud/regions.ts';
import { createVpcep } from '../../lib/cloud/vpcep.ts';
import action from '../fixtures/cloud/vpcep-action.json' with { type: 'json' };
import modify from '../fixtures/cloud/vpcep-modify.json' with { type: 'json' };
import permissions from '../fixtures/cloud/vpcep-permissions.json' with { type: 'json' };
import { errorOf, PATIENT, startBench, type Bench } from './client-bench.ts';
import type { Reply, SeenRequest } from './scripted-server.ts';

const ownDomainId = async () => 'own';

const open: Bench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.server.close()));
});

interface Subject extends Bench {
  readonly vpcep: EndpointServices;
}

async function subject(
  script: (request: SeenRequest, index: number) => Reply,
  profile: Profile = 'huaweicloud',
): Promise<Subject> {
  const bench = await startBench(script);
  open.push(bench);
  const target = { region: 'ap-southeast-1', projectId: 'p1' };
  return {
    ...bench,
    vpcep: createVpcep({ target, profile, baseUrl: bench.server.url, http: bench.http, ownDomainId }),
  };
}

function queryOf(request: SeenRequest | undefined): Record<string, string> {
  return Object.fromEntries(new URL(request?.target ?? '', 'http://h').searchParams);
}

/** The page that a request asks for, out of all items. */
function pageOf(request: SeenRequest, items: readonly object[], name = 'connections'): Reply {
  const { limit = '10', offset = '0' } = queryOf(request);
  const from = Number(offset);
  return { body: { [name]: items.slice(from, from + Number(limit)), total_count: items.length } };
}

function refusal(status: number, code: string): Reply {
  return { status, body: { error: { code, message: 'refused' } } };
}

const pending = (id: string) => ({ id, status: 'pendingAcceptance', domain_id: 'd' });
const pendings = (count: number) => Array.from({ length: count }, (_, index) => pending(`e${index}`));

describe('listConnections', () => {
  test('asks for full pages of pending connections, in the words of the cloud, without a sort key', async () => {
    const all = pendings(2_500);
    const { vpcep, server, run } = await subject((request) => pageOf(request, all));
    const listing = await run(vpcep.listConnections('s1', { state: 'pending' }, PATIENT));
    expect(listing).toMatchObject({ isComplete: true, pages: 3 });
    expect(listing.connections.map(({ endpointId }) => endpointId)).toEqual(all.map(({ id }) => id));
    expect(server.requests.map((request) => request.target)).toEqual(
      [0, 1000, 2000].map(
        (offset) => `/v1/p1/vpc-endpoint-services/s1/connections?limit=1000&offset=${offset}&status=pendingAcceptance`,
      ),
    );
    expect(server.requests[0]?.headers['x-project-id']).toBe('p1');
  });

  test.each(['accepted', 'rejected', 'failed'] as const)('filters by %s', async (state) => {
    const { vpcep, server, run } = await subject(() => ({ body: { connections: [], total_count: 0 } }));
    await run(vpcep.listConnections('s1', { state }, PATIENT));
    expect(queryOf(server.requests[0])).toMatchObject({ status: state });
  });

  test('filters again when the cloud does not', async () => {
    const items = [pending('e1'), { id: 'e2', status: 'accepted' }, { id: 'e3', status: 'creating' }];
    const { vpcep, run } = await subject((request) => pageOf(request, items));
    const listing = await run(vpcep.listConnections('s1', { state: 'pending' }, PATIENT));
    expect(listing.connections.map(({ endpointId }) => endpointId)).toEqual(['e1']);
    expect(listing.isComplete).toBe(true);
  });

  test('leaves a connection whose state it cannot tell in every list, as such', async () => {
    const items = [pending('e1'), { id: 'e2', status: 'suspended' }];
    const { vpcep, run } = await subject((request) => pageOf(request, items));
    expect(await run(vpcep.listConnections('s1', { state: 'pending' }, PATIENT))).toMatchObject({
      connections: [{ endpointId: 'e1' }, { endpointId: 'e2', state: 'unknown' }],
      isComplete: true,
    });
    expect(await run(vpcep.listConnections('s1', {}, PATIENT))).toMatchObject({
      connections: [{ state: 'pending' }, { state: 'unknown', record: { status: 'suspended' } }],
      isComplete: true,
    });
  });

  test('stops as soon as it has seen what is wanted', async () => {
    const { vpcep, server, run } = await subject((request) => pageOf(request, pendings(3_000)));
    const wanted = new Set(['e1500', 'e3']);
    const listing = await run(vpcep.listConnections('s1', { wanted }, PATIENT));
    expect(server.requests.length).toBe(2);
    expect(listing).toMatchObject({ isComplete: false, pages: 2 });
  });

  test('reads again when the list moved, and merges', async () => {
    const { vpcep, run } = await subject((request, index) => {
      const page = pageOf(request, pendings(1_002).slice(index === 0 ? 0 : 1));
      return page;
    });
    const listing = await run(vpcep.listConnections('s1', { state: 'pending' }, PATIENT));
    expect(listing.connections.length).toBe(1_002);
    expect(listing.isComplete).toBe(true);
  });

  test('says that a list with an unreadable item is not complete', async () => {
    const { vpcep, run } = await subject((request) =>
      pageOf(request, [pending('e1'), { status: 'pendingAcceptance' }]),
    );
    expect(await run(vpcep.listConnections('s1', {}, PATIENT))).toMatchObject({ isComplete: false, pages: 1 });
  });

  test.each([{}, [], { connections: 'none' }])('does not take %j for an empty list', async (body) => {
    const { vpcep, run } = await subject(() => ({ body }));
    const error = await errorOf(run(vpcep.listConnections('s1', {}, PATIENT)));
    expect(error).toMatchObject({ code: 'unreadable', effect: 'none', retryable: true });
  });
});

describe('getConnection', () => {
  test('filters by id and checks that it is the one', async () => {
    const { vpcep, server, run } = await subject((request) => pageOf(request, [pending('e11'), pending('e1')]));
    expect(await run(vpcep.getConnection('s1', 'e1', PATIENT))).toMatchObject({ endpointId: 'e1', state: 'pending' });
    expect(queryOf(server.requests[0])).toEqual({ id: 'e1', limit: '1000', offset: '0' });
  });

  test('is null when the service has none with this id', async () => {
    const { vpcep, run } = await subject((request) => pageOf(request, [pending('e11')]));
    expect(await run(vpcep.getConnection('s1', 'e1', PATIENT))).toBeNull();
  });

  test('does not say "none" of a list that it did not see whole', async () => {
    const { vpcep, run } = await subject(() => ({ body: { connections: [], total_count: 1 } }));
    expect(await errorOf(run(vpcep.getConnection('s1', 'e1', PATIENT)))).toMatchObject({ code: 'unreadable' });
  });
});

describe('listServices', () => {
  test('reads every page', async () => {
    const all = Array.from({ length: 1_001 }, (_, index) => ({ id: `s${index}`, approval_enabled: true, tags: [] }));
    const { vpcep, server, run } = await subject((request) => pageOf(request, all, 'endpoint_services'));
    const services = await run(vpcep.listServices(PATIENT));
    expect(services.map(({ serviceId }) => serviceId)).toEqual(all.map(({ id }) => id));
    expect(server.requests.map(({ target }) => target)).toEqual([
      '/v1/p1/vpc-endpoint-services?limit=1000&offset=0',
      '/v1/p1/vpc-endpoint-services?limit=1000&offset=1000',
    ]);
  });

  test('fails rather than leave a service out', async () => {
    const { vpcep, run } = await subject((request) => pageOf(request, [{ id: 's1' }, {}], 'endpoint_services'));
    expect(await errorOf(run(vpcep.listServices(PATIENT)))).toMatchObject({ code: 'unreadable', retryable: true });
  });
});

describe('getService', () => {
  const id = '4189d3c2-8882-4871-a3c2-d380272eed83';

  test("reads the vendor's example", async () => {
    const { vpcep, server, run } = await subject(() => ({ body: modify.body }));
    expect(await run(vpcep.getService(id, PATIENT))).toMatchObject({
      serviceId: id,
      name: 'test123',
      approvalEnabled: false,
    });
    expect(server.requests[0]?.target).toBe(`/v1/p1/vpc-endpoint-services/${id}`);
  });

  test.each([
    { name: '404 EndPoint.0005', reply: refusal(404, 'EndPoint.0005') },
    { name: '400 Endpoint.2003', reply: refusal(400, 'Endpoint.2003') },
    { name: '404 without a code', reply: { status: 404, body: '' } },
  ])('is null after $name', async ({ reply }) => {
    const { vpcep, run } = await subject(() => reply);
    expect(await run(vpcep.getService(id, PATIENT))).toBeNull();
  });

  test.each([
    { name: 'the gateway does not know the path', reply: refusal(404, 'APIGW.0101'), code: 'APIGW.0101' },
    { name: 'we may not read it', reply: refusal(403, 'EndPoint.0004'), code: 'EndPoint.0004' },
    { name: 'the answer is about another service', reply: { body: { id: 'other', tags: [] } }, code: 'unreadable' },
    { name: 'the answer is a list', reply: { body: [] }, code: 'unreadable' },
  ])('fails when $name', async ({ reply, code }) => {
    const { vpcep, run } = await subject(() => reply);
    expect(await errorOf(run(vpcep.getService(id, PATIENT)))).toMatchObject({ code });
  });
});

describe('getServiceTags', () => {
  test("takes them from the service's detail", async () => {
    const { vpcep, run } = await subject(() => ({ body: { id: 's1', tags: [{ key: 'env', value: 'prod' }] } }));
    expect(await run(vpcep.getServiceTags('s1', PATIENT))).toEqual(new Map([['env', 'prod']]));
  });

  test.each([
    { name: 'the service is gone', reply: refusal(404, 'EndPoint.0005') },
    { name: 'the detail has none', reply: { body: { id: 's1' } } },
  ])('knows nothing when $name', async ({ reply }) => {
    const { vpcep, run } = await subject(() => reply);
    expect(await run(vpcep.getServiceTags('s1', PATIENT))).toBe(UNKNOWN);
  });
});

describe('getEndpoint', () => {
  test('reads an endpoint of our own project', async () => {
    const { vpcep, server, run } = await subject(() => ({
      body: { id: 'e1', vpc_id: 'v', project_id: 'p', tags: [] },
    }));
    expect(await run(vpcep.getEndpoint('e1', PATIENT))).toEqual({ vpcId: 'v', projectId: 'p', tags: new Map() });
    expect(server.requests[0]?.target).toBe('/v1/p1/vpc-endpoints/e1');
  });

  test.each([
    refusal(403, 'EndPoint.0004'),
    refusal(404, 'EndPoint.2006'),
    refusal(400, 'EndPoint.2008'),
    { status: 404 },
  ])('knows nothing of what another account owns (%j)', async (reply) => {
    const { vpcep, run } = await subject(() => reply);
    expect(await run(vpcep.getEndpoint('e1', PATIENT))).toEqual({ vpcId: UNKNOWN, projectId: UNKNOWN, tags: UNKNOWN });
  });

  test('fails on anything else', async () => {
    const { vpcep, run } = await subject(() => refusal(400, 'EndPoint.0014'));
    expect(await errorOf(run(vpcep.getEndpoint('e1', PATIENT)))).toMatchObject({ code: 'EndPoint.0014' });
  });
});

describe('accept and reject', () => {
  test.each([
    { call: 'accept', word: 'receive' },
    { call: 'reject', word: 'reject' },
  ] as const)('$call asks to $word one endpoint', async ({ call, word }) => {
    const { vpcep, server, run } = await subject(() => ({
      headers: { 'x-request-id': 'r1' },
      body: { connections: [{ id: 'e1', status: 'creating' }] },
    }));
    const answer = await run(vpcep[call]('s1', ['e1'], PATIENT));
    expect(answer).toMatchObject({
      attempts: 1,
      requestIds: ['r1'],
      connections: [{ endpointId: 'e1', state: 'creating' }],
    });
    expect(server.requests).toMatchObject([
      {
        method: 'POST',
        target: '/v1/p1/vpc-endpoint-services/s1/connections/action',
        headers: { 'content-type': 'application/json' },
      },
    ]);
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({ action: word, endpoints: ['e1'] });
  });

  test("believes nothing of an answer about another endpoint, such as the vendor's example", async () => {
    const { vpcep, run } = await subject(() => ({ body: action.body }));
    expect(await run(vpcep.accept('s1', action.request.endpoints, PATIENT))).toEqual({
      attempts: 1,
      requestIds: [],
      connections: [],
    });
  });

  test.each(['', '{}', '{"connections":[]}'])('does without a connection in the answer `%s`', async (body) => {
    const { vpcep, run } = await subject(() => ({ body }));
    expect(await run(vpcep.accept('s1', ['e1'], PATIENT))).toMatchObject({ connections: [] });
  });

  test.each([
    { code: 'EndPoint.2013', handling: 'superseded', retryable: false },
    { code: 'EndPoint.2014', handling: 'superseded', retryable: false },
    { code: 'EndPoint.2019', handling: 'superseded', retryable: false },
    { code: 'EndPoint.2004', handling: 'retry', retryable: true },
    { code: 'EndPoint.2031', handling: 'failed', retryable: false },
    { code: 'EndPoint.0014', handling: 'configuration', retryable: false },
  ])('fails once with $code, to be handled as $handling', async ({ code, handling, retryable }) => {
    const { vpcep, server, run } = await subject(() => refusal(400, code));
    const error = await errorOf(run(vpcep.accept('s1', ['e1'], PATIENT)));
    expect(error).toMatchObject({ code, httpStatus: 400, retryable, effect: 'none', attempts: 1 });
    expect(error.message).toBe(`POST /v1/p1/vpc-endpoint-services/s1/connections/action: 400 ${code}: refused`);
    expect(handlingOf(error)).toBe(handling);
    expect(server.requests.length).toBe(1);
  });

  test('never sends an action again whose answer was lost', async () => {
    const { vpcep, server, run } = await subject(() => ({ fault: 'reset' }));
    expect(await errorOf(run(vpcep.accept('s1', ['e1'], PATIENT)))).toMatchObject({
      code: 'network',
      effect: 'unknown',
    });
    expect(server.requests.length).toBe(1);
  });
});

describe('accept and reject of other than one', () => {
  test.each([{ ids: [] }, { ids: ['e1', 'e2'] }])('sends nothing for $ids', async ({ ids }) => {
    const { vpcep, server, run } = await subject(() => ({}));
    expect(vpcep.endpointsPerAction).toBe(1);
    expect(await errorOf(run(vpcep.reject('s1', ids, PATIENT)))).toMatchObject({
      code: 'invalid-call',
      attempts: 0,
      effect: 'none',
    });
    expect(server.requests).toEqual([]);
  });
});

describe('describeConnections', () => {
  test('writes several descriptions a call', async () => {
    const { vpcep, server, run } = await subject(() => ({ body: action.body }));
    expect(vpcep.canDescribe).toBe(true);
    const descriptions = new Map([
      ['e1', 'held: freeze'],
      ['e2', ''],
    ]);
    expect(await run(vpcep.describeConnections('s1', descriptions, PATIENT))).toMatchObject({ attempts: 1 });
    expect(server.requests).toMatchObject([
      { method: 'PUT', target: '/v1/p1/vpc-endpoint-services/s1/connections/description' },
    ]);
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      connections: [
        { id: 'e1', description: 'held: freeze' },
        { id: 'e2', description: '' },
      ],
    });
  });

  test('takes as many calls as it needs', async () => {
    const { vpcep, server, run } = await subject((_request, index) => ({ headers: { 'x-request-id': `r${index}` } }));
    const descriptions = new Map(pendings(101).map(({ id }) => [id, 'x']));
    const trace = await run(vpcep.describeConnections('s1', descriptions, PATIENT));
    expect(trace).toEqual({ attempts: 3, requestIds: ['r0', 'r1', 'r2'] });
    const sizes = server.requests.map(({ body }) => JSON.parse(body).connections.length);
    expect(sizes).toEqual([50, 50, 1]);
  });

  test.each([
    { name: 'is too long', text: 'x'.repeat(513), profile: 'huaweicloud', code: 'invalid-call' },
    { name: 'holds a bracket', text: 'a<b', profile: 'huaweicloud', code: 'invalid-call' },
    { name: 'this cloud has no place for', text: 'x', profile: 'otc', code: 'not-supported' },
  ] as const)('sends nothing with a description that $name', async ({ text, profile, code }) => {
    const { vpcep, server, run } = await subject(() => ({}), profile);
    const descriptions = new Map([
      ['e1', 'good'],
      ['e2', text],
    ]);
    expect(await errorOf(run(vpcep.describeConnections('s1', descriptions, PATIENT)))).toMatchObject({ code });
    expect(vpcep.canDescribe).toBe(profile === 'huaweicloud');
    expect(server.requests).toEqual([]);
  });
});

const entries = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ permission: `iam:domain::d${index}` }));

describe('getWhitelist', () => {
  test('reads every page', async () => {
    const { vpcep, server, run } = await subject((request) => pageOf(request, entries(501), 'permissions'));
    const whitelist = await run(vpcep.getWhitelist('s1', PATIENT));
    expect(whitelist).toMatchObject({ isOpen: false, others: [] });
    expect(whitelist).toHaveProperty('domainIds.length', 501);
    expect(server.requests.map(({ target }) => target)).toEqual(
      [0, 500].map((offset) => `/v1/p1/vpc-endpoint-services/s1/permissions?limit=500&offset=${offset}`),
    );
  });

  test('is open with the entry of the vendor’s example', async () => {
    const { vpcep, run } = await subject(() => ({ body: permissions.body }));
    expect(await run(vpcep.getWhitelist('s1', PATIENT))).toEqual({ isOpen: true, domainIds: [], others: [] });
  });

  test('lets nobody in when it is empty', async () => {
    const { vpcep, run } = await subject((request) => pageOf(request, [], 'permissions'));
    expect(await run(vpcep.getWhitelist('s1', PATIENT))).toEqual({ isOpen: false, domainIds: [], others: [] });
  });

  test.each([
    { name: 'may not be read', reply: refusal(403, 'EndPoint.0004') },
    { name: 'does not exist', reply: refusal(404, 'EndPoint.0005') },
    { name: 'has an entry that cannot be read', reply: { body: { permissions: [{ id: 'x' }], total_count: 1 } } },
    { name: 'holds more than it shows', reply: { body: { permissions: [], total_count: 3 } } },
  ])('is unknown when it $name', async ({ reply }) => {
    const { vpcep, run } = await subject(() => reply);
    expect(await run(vpcep.getWhitelist('s1', PATIENT))).toBe(UNKNOWN);
  });

  test('fails on anything else', async () => {
    const { vpcep, run } = await subject(() => refusal(400, 'EndPoint.2003'));
    expect(await errorOf(run(vpcep.getWhitelist('s1', PATIENT)))).toMatchObject({ code: 'EndPoint.2003' });
  });
});

describe('getOwnDomainId', () => {
  test('hands on what it was given', async () => {
    const { vpcep } = await subject(() => ({}));
    expect(await vpcep.getOwnDomainId(PATIENT)).toBe('own');
  });
});

describe('enableApproval', () => {
  test('changes the one thing and nothing else', async () => {
    const { vpcep, server, run } = await subject(() => ({ body: modify.body }));
    expect(await run(vpcep.enableApproval('s1', PATIENT))).toEqual({ attempts: 1, requestIds: [] });
    expect(server.requests).toMatchObject([
      { method: 'PUT', target: '/v1/p1/vpc-endpoint-services/s1', body: '{"approval_enabled":true}' },
    ]);
  });
});
