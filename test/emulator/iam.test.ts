import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IamUser } from '../../lib/cloud/credentials.ts';
import { createHttpClient } from '../../lib/cloud/http-client.ts';
import { createOwnAccount } from '../../lib/cloud/iam-projects.ts';
import { createAuthenticator } from '../../lib/cloud/iam-sign-in.ts';
import {
  type Answer,
  KEY,
  OTHER_DOMAIN,
  OTHER_PROJECT,
  OWN_DOMAIN,
  PROJECT,
  scenarioOf,
  startTestCloud,
  type TestCloud,
} from './local-client.ts';

const TOKENS = '/v3/auth/tokens?nocatalog=true';
const SERVICES = `/v1/${PROJECT}/vpc-endpoint-services`;
const USER = { name: 'approver', password: 'local pass', domain_name: 'own', domain_id: OWN_DOMAIN };
const AGENCY = {
  name: 'let-us-in',
  domain_name: 'other',
  domain_id: OTHER_DOMAIN,
  delegated_domain_id: OWN_DOMAIN,
};
let cloud: TestCloud;

beforeEach(async () => {
  const services = [{ id: 'svc', service_name: 'svc' }];
  cloud = await startTestCloud(scenarioOf(services, { users: [USER], agencies: [AGENCY], token_lifetime: '10m' }));
});
afterEach(() => cloud.close());

const identity = (change: object = {}) => ({
  methods: ['password'],
  password: { user: { name: 'approver', password: 'local pass', domain: { name: 'own' }, ...change } },
});
const assume = (change: object = {}) => ({
  methods: ['assume_role'],
  assume_role: { domain_name: 'other', xrole_name: 'let-us-in', ...change },
});
const inProject = (id: string) => ({ project: { id } });

function logIn(auth: unknown, headers: Record<string, string> = {}, path = TOKENS): Promise<Answer> {
  return cloud.call({ method: 'POST', path, body: { auth }, key: null, headers });
}

function use(token: string, path = SERVICES): Promise<Answer> {
  return cloud.call({ path, key: null, headers: { 'x-auth-token': token } });
}

async function tokenOf(auth: unknown, headers: Record<string, string> = {}): Promise<string> {
  const answer = await logIn(auth, headers);
  expect(answer.status).toBe(201);
  return answer.headers.get('x-subject-token') ?? '';
}

describe('POST /v3/auth/tokens', () => {
  test('issues a token for a password, as documented', async () => {
    const answer = await logIn({ identity: identity(), scope: inProject(PROJECT) });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-subject-token')).toMatch(/^MII/);
    const domain = { id: OWN_DOMAIN, name: 'own' };
    expect(answer.json()).toEqual({
      token: {
        methods: ['password'],
        user: { id: 'user-approver', name: 'approver', password_expires_at: '', domain },
        project: { id: PROJECT, name: 'ap-southeast-1', domain },
        issued_at: '2026-11-21T12:00:00.000000Z',
        expires_at: '2026-11-21T12:10:00.000000Z',
        roles: [],
      },
    });
  });

  test('adds the catalog unless told not to', async () => {
    const answer = await logIn({ identity: identity(), scope: inProject(PROJECT) }, {}, '/v3/auth/tokens');
    expect(answer.json()['token']).toHaveProperty('catalog', []);
  });

  test('takes the account as a scope, and the project where there are both', async () => {
    const own = { domain: { name: 'own' } };
    const account = await logIn({ identity: identity(), scope: own });
    expect(account.json()['token']).toMatchObject({ domain: { id: OWN_DOMAIN, name: 'own' } });
    const both = await logIn({ identity: identity(), scope: { ...own, ...inProject(PROJECT) } });
    expect(both.json()['token']).toMatchObject({ project: { id: PROJECT } });
  });

  test.each([
    ['a wrong password', { identity: identity({ password: 'x' }), scope: inProject(PROJECT) }, 401],
    ['an unknown user', { identity: identity({ name: 'x' }), scope: inProject(PROJECT) }, 401],
    ['another account', { identity: identity({ domain: { name: 'other' } }), scope: inProject(PROJECT) }, 401],
    ['an unknown project', { identity: identity(), scope: inProject('x') }, 404],
    ['a project of another account', { identity: identity(), scope: inProject(OTHER_PROJECT) }, 403],
    ['another account as the scope', { identity: identity(), scope: { domain: { name: 'other' } } }, 403],
    ['no scope', { identity: identity() }, 400],
    ['an unknown key', { identity: { ...identity(), more: 1 }, scope: inProject(PROJECT) }, 400],
    ['two methods', { identity: { ...identity(), methods: ['password', 'totp'] }, scope: inProject(PROJECT) }, 400],
    ['another method', { identity: { ...identity(), methods: ['token'] }, scope: inProject(PROJECT) }, 400],
    ['a number for a name', { identity: identity({ name: 1 }), scope: inProject(PROJECT) }, 400],
    ['an agency without a token', { identity: assume(), scope: inProject(OTHER_PROJECT) }, 401],
  ])('refuses %s in the shape of Keystone', async (_what, auth, status) => {
    const answer = await logIn(auth);
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject({ error: { code: status, message: expect.any(String) } });
    expect(answer.headers.get('x-subject-token')).toBeNull();
    expect(answer.text).not.toContain('local pass');
  });

  test('refuses a body that is not JSON, and a type that is not', async () => {
    expect((await cloud.call({ method: 'POST', path: TOKENS, body: '{', key: null })).status).toBe(400);
    const auth = { identity: identity(), scope: inProject(PROJECT) };
    expect((await logIn(auth, { 'content-type': 'text/plain' })).status).toBe(400);
  });

  test('issues the token of an agency to the account it is meant for', async () => {
    const own = await tokenOf({ identity: identity(), scope: { domain: { name: 'own' } } });
    const auth = { identity: assume(), scope: inProject(OTHER_PROJECT) };
    const token = await tokenOf(auth, { 'x-auth-token': own });
    expect((await use(token, `/v1/${OTHER_PROJECT}/vpc-endpoint-services`)).status).toBe(200);
    expect((await use(token)).status).toBe(403);
  });

  test.each([
    ['the other cloud’s word', assume({ xrole_name: undefined, agency_name: 'let-us-in' }), 400],
    ['no account', assume({ domain_name: undefined }), 400],
    ['an unknown agency', assume({ xrole_name: 'x' }), 404],
    ['an agency of another account', assume({ domain_name: 'x' }), 404],
  ])('refuses an agency with %s', async (_what, role, status) => {
    const own = await tokenOf({ identity: identity(), scope: { domain: { name: 'own' } } });
    const answer = await logIn({ identity: role, scope: inProject(OTHER_PROJECT) }, { 'x-auth-token': own });
    expect(answer.status).toBe(status);
  });

  test('refuses an agency to an account it is not meant for', async () => {
    cloud.cloud.addToken({ token: 'strangers', domain_id: 'stranger' });
    const auth = { identity: assume(), scope: inProject(OTHER_PROJECT) };
    expect((await logIn(auth, { 'x-auth-token': 'strangers' })).status).toBe(403);
  });

  test('has faults injected like every other API', async () => {
    cloud.setFaults('throttle-retry-after:1@auth');
    const auth = { identity: identity(), scope: inProject(PROJECT) };
    expect((await logIn(auth)).status).toBe(429);
    expect((await logIn(auth)).status).toBe(201);
  });
});

describe('a token that IAM issued', () => {
  test('opens every API of its account until it ends', async () => {
    const token = await tokenOf({ identity: identity(), scope: inProject(PROJECT) });
    expect((await use(token)).status).toBe(200);
    expect((await use(token, `/v3/projects/${PROJECT}`)).status).toBe(200);
    cloud.clock.advance(10 * 60_000 - 1);
    expect((await use(token)).status).toBe(200);
    cloud.clock.advance(1);
    const answer = await use(token);
    expect([answer.status, answer.code()]).toEqual([401, 'APIGW.0301']);
  });

  test('opens nothing once it is revoked', async () => {
    const token = await tokenOf({ identity: identity(), scope: inProject(PROJECT) });
    cloud.cloud.revokeToken(token);
    expect((await use(token)).status).toBe(401);
  });

  test('does not end the one before', async () => {
    const auth = { identity: identity(), scope: inProject(PROJECT) };
    const [first, second] = [await tokenOf(auth), await tokenOf(auth)];
    expect(first).not.toBe(second);
    expect((await use(first)).status).toBe(200);
  });
});

describe('GET /v3/projects/{project_id}', () => {
  test('says who owns a project, as documented', async () => {
    expect((await cloud.call(`/v3/projects/${PROJECT}`)).json()).toEqual({
      project: {
        is_domain: false,
        description: '',
        links: { self: `https://iam.myhuaweicloud.com/v3/projects/${PROJECT}` },
        enabled: true,
        id: PROJECT,
        parent_id: OWN_DOMAIN,
        domain_id: OWN_DOMAIN,
        name: 'ap-southeast-1',
      },
    });
  });

  test.each([
    [OTHER_PROJECT, 403],
    ['nosuchproject', 404],
  ])('says nothing of %s', async (id, status) => {
    const answer = await cloud.call({ path: `/v3/projects/${id}`, key: KEY });
    expect([answer.status, answer.code()]).toEqual([status, status]);
  });
});

const PATIENT = { signal: new AbortController().signal };

function client(agency?: { readonly name: string; readonly domainName: string }) {
  const user = { name: 'approver', password: 'local pass', domainName: 'own', ...(agency && { agency }) };
  const authenticator = createAuthenticator(new IamUser(user, []), {
    placeOf: (projectId) => ({
      iamUrl: new URL(cloud.url),
      profile: projectId === OTHER_PROJECT ? 'otc' : 'huaweicloud',
    }),
    clock: cloud.clock,
    random: () => 0,
  });
  const { clock } = cloud;
  return createHttpClient({ authenticator, clock, random: () => 0, concurrency: 8, requestsPerSecond: null });
}

function list(http: ReturnType<typeof client>, projectId = PROJECT) {
  const path = ['v1', projectId, 'vpc-endpoint-services'];
  return http.request({ method: 'GET', baseUrl: new URL(cloud.url), path, projectId, repeat: 'freely' }, PATIENT);
}

const logIns = () => cloud.requests.filter(({ method, path }) => method === 'POST' && path === '/v3/auth/tokens');

describe('a client that signs in', () => {
  test('works with one log-in, renews in time, and again after a revocation', async () => {
    const http = client();
    await Promise.all(Array.from({ length: 100 }, () => list(http)));
    expect(logIns().length).toBe(1);
    cloud.clock.advance(5 * 60_000);
    await list(http);
    expect(logIns().length).toBe(2);
    for (const { token } of cloud.cloud.tokens()) cloud.cloud.revokeToken(token);
    expect(await list(http)).toMatchObject({ attempts: 2 });
    expect(logIns().length).toBe(3);
  });

  test('works in the account of an agency', async () => {
    const http = client({ name: 'let-us-in', domainName: 'other' });
    expect(await list(http, OTHER_PROJECT)).toMatchObject({ attempts: 1 });
    expect(logIns().map(({ status }) => status)).toEqual([201, 201]);
  });

  test('learns which account it works for', async () => {
    const own = createOwnAccount({ http: client(), iamUrl: new URL(cloud.url), projectId: PROJECT });
    expect(await own(PATIENT)).toBe(OWN_DOMAIN);
  });
});
