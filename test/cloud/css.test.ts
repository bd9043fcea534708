import { afterEach, describe, expect, test } from 'vitest';
import { createCss } from '../../lib/cloud/css.ts';
import type { EndpointServices } from '../../lib/cloud/endpoint-services.ts';
import { handlingOf } from '../../lib/cloud/handling.ts';
import type { Profile } from '../../lib/cloud/regions.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import huaweicloud from '../fixtures/cloud/css-action-huaweicloud.json' with { type: 'json' };
import otc from '../fixtures/cloud/css-action-otc.json' with { type: 'json' };
import clusters from '../fixtures/cloud/css-clusters.json' with { type: 'json' };
import connections from '../fixtures/cloud/css-connections.json' with { type: 'json' };
import { errorOf, PATIENT, startBench, type Bench } from './client-bench.ts';
import type { Reply, SeenRequest } from './scripted-server.ts';

const ownDomainId = async () => 'own';

const open: Bench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.server.close()));
});

interface Subject extends Bench {
  readonly css: EndpointServices;
}

async function subject(
  script: (request: SeenRequest, index: number) => Reply,
  profile: Profile = 'huaweicloud',
  projectId = 'p1',
): Promise<Subject> {
  const bench = await startBench(script);
  open.push(bench);
  const target = { region: 'eu-de', projectId };
  return { ...bench, css: createCss({ target, profile, baseUrl: bench.server.url, http: bench.http, ownDomainId }) };
}

/** CSS as it really answers. */
function refusal(status: number, code: string, message = 'refused'): Reply {
  return { status, body: { errCode: code, externalMessage: message } };
}

function listOf(items: readonly object[]): Reply {
  return { body: { connections: items, total_count: items.length } };
}

const [first, second] = ['54b7f739-31a1-40d0-862b-ac85b83ab2da', 'e88ad0bc-c2c7-419c-bd9b-a961111f0a42'];
const NOT_ENABLED = refusal(400, 'CSS.5182');

describe('createCss', () => {
  test('says what CSS can and cannot do', async () => {
    const { css } = await subject(() => ({}));
    expect(css).toMatchObject({
      kind: 'css',
      region: 'eu-de',
      projectId: 'p1',
      endpointsPerAction: 50,
      canDescribe: false,
    });
  });

  test('sends nothing for what CSS has no call for', async () => {
    const { css, server } = await subject(() => ({}));
    expect(await errorOf(css.enableApproval('c1', PATIENT))).toMatchObject({ code: 'not-supported', effect: 'none' });
    expect(await errorOf(css.describeConnections('c1', new Map([['e1', 'x']]), PATIENT))).toMatchObject({
      code: 'not-supported',
    });
    expect(await css.getEndpoint('e1', PATIENT)).toEqual({ vpcId: UNKNOWN, projectId: UNKNOWN, tags: UNKNOWN });
    expect(await css.getOwnDomainId(PATIENT)).toBe('own');
    expect(server.requests).toEqual([]);
  });
});

describe('listConnections', () => {
  test("reads the vendor's example", async () => {
    const { css, server, run } = await subject(() => ({ body: connections.body }));
    const listing = await run(css.listConnections('c1', {}, PATIENT));
    expect(listing).toMatchObject({ isComplete: true, pages: 1 });
    expect(listing.connections.map(({ endpointId }) => endpointId)).toEqual([first, second]);
    expect(server.requests.map(({ target }) => target)).toEqual([
      '/v1.0/p1/clusters/c1/vpcepservice/connections?limit=1000',
    ]);
    expect(server.requests[0]?.headers['x-project-id']).toBe('p1');
  });

  test('filters by itself, since CSS cannot', async () => {
    const { css, run } = await subject(() =>
      listOf([
        { id: 'e1', status: 'pendingAcceptance' },
        { id: 'e2', status: 'accepted' },
      ]),
    );
    const listing = await run(css.listConnections('c1', { state: 'pending' }, PATIENT));
    expect(listing.connections.map(({ endpointId }) => endpointId)).toEqual(['e1']);
    expect(listing.isComplete).toBe(true);
  });

  test('leaves a connection whose state it cannot tell in every list, as such', async () => {
    const { css, run } = await subject(() => listOf([{ id: 'e1' }]));
    expect(await run(css.listConnections('c1', { state: 'pending' }, PATIENT))).toMatchObject({
      connections: [{ endpointId: 'e1', state: 'unknown' }],
    });
  });

  test('is empty and complete where the endpoint service is not enabled', async () => {
    const { css, run } = await subject(() => NOT_ENABLED);
    expect(await run(css.listConnections('c1', {}, PATIENT))).toEqual({ connections: [], isComplete: true, pages: 1 });
  });

  test.each([
    { name: 'no access', reply: refusal(403, 'CSS.0015'), code: 'CSS.0015' },
    { name: 'no list', reply: { body: {} }, code: 'unreadable' },
  ])('fails with $name', async ({ reply, code }) => {
    const { css, run } = await subject(() => reply);
    expect(await errorOf(run(css.listConnections('c1', {}, PATIENT)))).toMatchObject({ code, effect: 'none' });
  });

  test('reads again what was no answer: an error with status 202', async () => {
    const { css, server, run } = await subject((_request, index) =>
      index === 0 ? refusal(202, 'CSS.0011') : listOf([{ id: 'e1', status: 'accepted' }]),
    );
    expect(await run(css.listConnections('c1', {}, PATIENT))).toMatchObject({ isComplete: true });
    expect(server.requests).toHaveLength(2);
  });
});

describe('getConnection', () => {
  test('finds the one', async () => {
    const { css, run } = await subject(() => ({ body: connections.body }));
    expect(await run(css.getConnection('c1', second, PATIENT))).toMatchObject({ endpointId: second });
  });

  test.each([
    { name: 'the list does not have it', reply: listOf([]) },
    { name: 'nobody can connect', reply: NOT_ENABLED },
  ])('is null when $name', async ({ reply }) => {
    const { css, run } = await subject(() => reply);
    expect(await run(css.getConnection('c1', 'e1', PATIENT))).toBeNull();
  });

  test('does not say "none" of a list that it did not see whole', async () => {
    const { css, run } = await subject(() => ({ body: { connections: [], total_count: 1 } }));
    expect(await errorOf(run(css.getConnection('c1', 'e1', PATIENT)))).toMatchObject({ code: 'unreadable' });
  });
});

describe('listServices', () => {
  test("reads the vendor's example", async () => {
    const { css, server, run } = await subject(() => ({ body: clusters.body }));
    expect(await run(css.listServices(PATIENT))).toMatchObject([{ serviceId: '{CLUSTER_ID}', name: 'css-8bc5' }]);
    expect(server.requests.map(({ target }) => target)).toEqual(['/v1.0/p1/clusters?limit=1000']);
  });

  test('fails rather than leave a cluster out', async () => {
    const { css, run } = await subject(() => ({ body: { clusters: [{ id: 'c1' }, {}], totalSize: 2 } }));
    expect(await errorOf(run(css.listServices(PATIENT)))).toMatchObject({ code: 'unreadable', retryable: true });
  });
});

describe('getService and getServiceTags', () => {
  test('read the detail', async () => {
    const tags = [{ key: 'env', value: 'prod' }];
    const { css, server, run } = await subject(() => ({ body: { id: 'c1', name: 'search', tags } }));
    expect(await run(css.getService('c1', PATIENT))).toMatchObject({ serviceId: 'c1', name: 'search' });
    expect(await run(css.getServiceTags('c1', PATIENT))).toEqual(new Map([['env', 'prod']]));
    expect(server.requests[0]?.target).toBe('/v1.0/p1/clusters/c1');
  });

  test.each([
    refusal(404, 'CSS.0002'),
    refusal(404, 'CSS.0016'),
    refusal(404, 'CSS.0022'),
    refusal(400, 'CSS.0047'),
    refusal(404, 'CSS.1103'),
    refusal(404, 'CSS.3027'),
    { status: 404, body: '' },
  ])('find nothing after %j', async (reply) => {
    const { css, run } = await subject(() => reply);
    expect(await run(css.getService('c1', PATIENT))).toBeNull();
    expect(await run(css.getServiceTags('c1', PATIENT))).toBe(UNKNOWN);
  });

  test.each([
    { name: 'the cloud does not say whether it is there', reply: refusal(403, 'CSS.0015'), code: 'CSS.0015' },
    {
      name: 'the gateway does not know the path',
      reply: { status: 404, body: { error_code: 'APIG.0101', error_msg: 'm' } },
      code: 'APIG.0101',
    },
    { name: 'the answer is about another cluster', reply: { body: { id: 'other' } }, code: 'unreadable' },
  ])('fail when $name', async ({ reply, code }) => {
    const { css, run } = await subject(() => reply);
    expect(await errorOf(run(css.getService('c1', PATIENT)))).toMatchObject({ code });
  });
});

describe('getWhitelist', () => {
  test.each([
    {
      name: "the vendor's example",
      reply: { body: connections.body },
      whitelist: { isOpen: false, domainIds: ['db9b76a0d9ae431f8e85e89da2ca867c'], others: [] },
    },
    {
      name: 'where nobody can connect',
      reply: NOT_ENABLED,
      whitelist: { isOpen: false, domainIds: [], others: [] },
    },
    { name: 'what may not be read', reply: refusal(403, 'CSS.0015'), whitelist: UNKNOWN },
    { name: 'a cluster that is gone', reply: refusal(404, 'CSS.0002'), whitelist: UNKNOWN },
    { name: 'an answer without one', reply: listOf([]), whitelist: UNKNOWN },
  ])('reads $name', async ({ reply, whitelist }) => {
    const { css, run } = await subject(() => reply);
    expect(await run(css.getWhitelist('c1', PATIENT))).toEqual(whitelist);
  });

  test('fails on anything else', async () => {
    const { css, run } = await subject(() => refusal(400, 'CSS.0021'));
    expect(await errorOf(run(css.getWhitelist('c1', PATIENT)))).toMatchObject({ code: 'CSS.0021' });
  });
});

describe('accept and reject', () => {
  test.each([
    { profile: 'huaweicloud', page: huaweicloud },
    { profile: 'otc', page: otc },
  ] as const)("send the example of the vendor's page for $profile", async ({ profile, page }) => {
    const [, , projectId = '', , clusterId = ''] = page.path.split('/');
    const { css, server, run } = await subject(() => ({ body: page.body }), profile, projectId);
    const answer = await run(css.accept(clusterId, ['f132bb14-e1d5-4f25-9f7c-a29e4c8effd4'], PATIENT));
    expect(answer).toEqual({ attempts: 1, requestIds: [], connections: [] });
    expect(server.requests).toMatchObject([
      { method: 'POST', target: page.path, headers: { 'content-type': 'application/json' } },
    ]);
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual(page.request);
  });

  test('name many at once', async () => {
    const { css, server, run } = await subject(() => ({ body: '' }));
    await run(css.reject('c1', ['e1', 'e2', 'e3'], PATIENT));
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      action: 'reject',
      endpoint_id_list: ['e1', 'e2', 'e3'],
    });
  });

  test.each([0, 51])('send nothing for %i ids', async (length) => {
    const { css, server, run } = await subject(() => ({}));
    const ids = Array.from({ length }, (_, index) => `e${index}`);
    expect(await errorOf(run(css.accept('c1', ids, PATIENT)))).toMatchObject({ code: 'invalid-call', attempts: 0 });
    expect(server.requests).toEqual([]);
  });

  test('find out which key works, and tell', async () => {
    const { css, run } = await subject(
      ({ body }) =>
        body.includes('endpoint_id_list') ? { body: '' } : refusal(400, 'CSS.0001', 'endpoint_id_list is missing'),
      'otc',
    );
    expect(await run(css.accept('c1', ['e1'], PATIENT))).toMatchObject({ attempts: 2 });
    expect(await run(css.accept('c1', ['e2'], PATIENT))).toMatchObject({ attempts: 1 });
    expect(css.takeNotices?.()).toMatchObject([{ code: 'css-dialect', details: { worked: 'endpoint_id_list' } }]);
  });

  test('do not take 202 with CSS.0011 for success, and do not send it again', async () => {
    const { css, server, run } = await subject(() => refusal(202, 'CSS.0011', 'another operation is running'));
    const error = await errorOf(run(css.accept('c1', ['e1'], PATIENT)));
    expect(error).toMatchObject({ code: 'CSS.0011', httpStatus: 202, effect: 'none', retryable: true, attempts: 1 });
    expect(handlingOf(error)).toBe('retry');
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    { status: 409, code: 'CSS.0029' },
    { status: 412, code: 'CSS.0040' },
    { status: 412, code: 'CSS.0001' },
  ])('ask for another look after $status $code', async ({ status, code }) => {
    const { css, server, run } = await subject(() => refusal(status, code));
    const error = await errorOf(run(css.accept('c1', ['e1'], PATIENT)));
    expect(error).toMatchObject({ code, effect: 'none' });
    expect(handlingOf(error)).toBe('superseded');
    expect(server.requests).toHaveLength(1);
  });

  test('are never sent again when the answer was lost', async () => {
    const { css, server, run } = await subject(() => ({ fault: 'reset' }));
    expect(await errorOf(run(css.reject('c1', ['e1'], PATIENT)))).toMatchObject({ code: 'network', effect: 'unknown' });
    expect(server.requests).toHaveLength(1);
  });
});
