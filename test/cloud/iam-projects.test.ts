import { afterEach, describe, expect, test } from 'vitest';
import { IamToken } from '../../lib/cloud/credentials.ts';
import { createOwnAccount } from '../../lib/cloud/iam-projects.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import fixtures from '../fixtures/cloud/iam.json' with { type: 'json' };
import { PATIENT, read, startBench, type Bench } from './client-bench.ts';
import { startIamBench, type IamBench } from './iam-bench.ts';
import type { Reply, SeenRequest } from './scripted-server.ts';

const open: (Bench | IamBench)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.server.close()));
});

const { id: PROJECT, body: PROJECT_BODY } = fixtures.project;
const OWNER = '44c0781c83484eb9a4a5d4d233522cea';
const REFUSED: Reply = { status: 401, body: fixtures.errors['401'] };

async function bench(
  script: (request: SeenRequest, index: number) => Reply,
  options: Parameters<typeof startBench>[1] = {},
): Promise<Bench & { readonly own: ReturnType<typeof createOwnAccount> }> {
  const started = await startBench(script, options);
  open.push(started);
  const { http, server } = started;
  return { ...started, own: createOwnAccount({ http, iamUrl: server.url, projectId: PROJECT }) };
}

/** Options of another run. */
const another = () => ({ signal: new AbortController().signal });

describe('createOwnAccount', () => {
  test("reads the vendor's documented answer, and asks once for all", async () => {
    const b = await bench(() => ({ body: PROJECT_BODY }));
    const owners = await b.run(Promise.all([b.own(PATIENT), b.own(PATIENT), b.own(another())]));
    expect(owners).toEqual([OWNER, OWNER, OWNER]);
    const asked = b.server.requests.length;
    expect(asked).toBeLessThanOrEqual(2);
    expect(await b.own(another())).toBe(OWNER);
    expect(b.server.requests.length).toBe(asked);
    expect(b.server.requests[0]?.target).toBe(`/v3/projects/${PROJECT}`);
  });

  test('signs with an access key as for a service without projects', async () => {
    const b = await bench(() => ({ body: PROJECT_BODY }));
    await b.run(b.own(PATIENT));
    expect(b.server.requests[0]?.headers['x-project-id']).toBeUndefined();
  });

  test("asks with the project's own token", async () => {
    const b = await startIamBench({
      service: () => ({ body: { project: { id: 'p1', domain_id: 'd1' } } }),
    });
    open.push(b);
    const own = createOwnAccount({ http: b.http, iamUrl: b.server.url, projectId: 'p1' });
    expect(await b.run(own(PATIENT))).toBe('d1');
    expect(b.calls()[0]?.headers['x-auth-token']).toBe('canary-token-1');
  });

  test('asks nobody when the configuration says', async () => {
    const b = await bench(() => ({ body: PROJECT_BODY }));
    const own = createOwnAccount({ http: b.http, iamUrl: b.server.url, projectId: PROJECT, configured: 'mine' });
    expect(await own(PATIENT)).toBe('mine');
    expect(b.server.requests).toEqual([]);
  });

  test.each<{ name: string; reply: Reply; requests: number }>([
    { name: '403', reply: { status: 403, body: fixtures.errors['403'] }, requests: 1 },
    { name: '404', reply: { status: 404 }, requests: 1 },
    { name: '500', reply: { status: 500 }, requests: 2 },
    { name: 'HTML', reply: { body: '<html></html>' }, requests: 2 },
    { name: 'a broken connection', reply: { fault: 'reset' }, requests: 2 },
    { name: 'another project', reply: { body: { project: { id: 'other', domain_id: 'd' } } }, requests: 1 },
    { name: 'no account', reply: { body: { project: { id: PROJECT } } }, requests: 1 },
    { name: 'an account that is none', reply: { body: { project: { id: PROJECT, domain_id: 'a b' } } }, requests: 1 },
    { name: 'a list', reply: { body: [] }, requests: 1 },
  ])('is unknown after $name, for the rest of the run', async ({ reply, requests }) => {
    let answer = reply;
    const b = await bench(() => answer);
    expect(await b.run(b.own(PATIENT))).toBe(UNKNOWN);
    expect(b.server.requests.length).toBe(requests);
    answer = { body: PROJECT_BODY };
    expect(await b.run(b.own(PATIENT))).toBe(UNKNOWN);
    expect(b.server.requests.length).toBe(requests);
    expect(await b.run(b.own(another()))).toBe(OWNER);
  });

  test('is unknown when there is no time left', async () => {
    const b = await bench(() => ({ body: PROJECT_BODY }));
    expect(await b.own({ signal: AbortSignal.abort() })).toBe(UNKNOWN);
    expect(b.server.requests).toEqual([]);
  });

  test.each([
    { name: 'an access key', options: {} },
    { name: 'a token', options: { authenticator: new IamToken('canary', ['HUAWEICLOUD_SDK_TOKEN']) } },
  ])('does not let a 401 of IAM stop the services, nor ask again, with $name', async ({ options }) => {
    const b = await bench((request) => (request.target.startsWith('/v3/') ? REFUSED : { body: {} }), options);
    expect(await b.run(b.own(PATIENT))).toBe(UNKNOWN);
    expect(await b.run(b.http.request(read(b), PATIENT))).toMatchObject({ attempts: 1 });
    expect(await b.run(b.own(another()))).toBe(UNKNOWN);
    expect(b.server.requests.length).toBe(2);
  });
});
