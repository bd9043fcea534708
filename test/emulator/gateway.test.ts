import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Call,
  KEY,
  OTHER_KEY,
  OTHER_PROJECT,
  PROJECT,
  scenarioOf,
  startTestCloud,
  TEMPORARY_KEY,
  type TestCloud,
} from './local-client.ts';

const SERVICES = `/v1/${PROJECT}/vpc-endpoint-services`;
const MINUTE = 60_000;
let cloud: TestCloud;

beforeEach(async () => {
  cloud = await startTestCloud(
    scenarioOf([{ id: 'svc', service_name: 'svc', connections: [{ id: 'ep', domain_id: 'd' }] }]),
  );
});
afterEach(() => cloud.close());

/** The gateway's answer to a call, in a form that holds for every refusal; `null` when it let the call in. */
async function refusal(call: Partial<Call>): Promise<unknown> {
  const answer = await cloud.call({ path: SERVICES, ...call });
  const { error_msg: message, error_code: code, request_id: id } = answer.json();
  const isGateway = String(message).startsWith('Incorrect IAM authentication information: ');
  return answer.status === 200
    ? null
    : { status: answer.status, code, isGateway, isNamed: id === answer.headers.get('x-request-id') };
}

const REFUSED = { status: 401, code: 'APIGW.0301', isGateway: true, isNamed: true };

describe('authenticate', () => {
  test('lets a signed request in', async () => {
    expect((await cloud.call(SERVICES)).status).toBe(200);
  });

  test('lets in a query and a path that need escaping', async () => {
    const answer = await cloud.call(
      `${SERVICES}?endpoint_service_name=${encodeURIComponent("a b+c/ü~*'()")}&id=b2&id=a10`,
    );
    expect(answer.status).toBe(200);
  });

  test.each<[string, Partial<Call>]>([
    ['a request without credentials', { key: null }],
    ['an unknown access key', { key: { accessKey: 'NOBODY', secretKey: 'x' } }],
    ['a wrong secret', { key: { ...KEY, secretKey: 'wrong' } }],
    ['an unsigned host', { signed: ['content-type', 'x-sdk-date'] }],
    ['an unsigned date', { signed: ['content-type', 'host'] }],
    ['a malformed authorization', { key: null, headers: { authorization: 'Basic abc' } }],
    ['a date that is none', { tamper: ({ init }) => void (init.headers['x-sdk-date'] = 'yesterday') }],
    ['another path', { tamper: (request) => void (request.url += '/svc') }],
    ['another query', { tamper: (request) => void (request.url += '?limit=1000') }],
    ['an altered signed header', { tamper: ({ init }) => void (init.headers['content-type'] = 'text/plain') }],
    ['a signed header that is gone', { tamper: ({ init }) => void delete init.headers['x-sdk-date'] }],
    ['a security token with a permanent key', { headers: { 'x-security-token': 'x' } }],
  ])('refuses %s', async (_what, call) => {
    expect(await refusal(call)).toEqual(REFUSED);
  });

  test('refuses an altered body, and does nothing', async () => {
    const answer = await refusal({
      method: 'POST',
      path: `${SERVICES}/svc/connections/action`,
      body: { action: 'reject', endpoints: ['ep'] },
      tamper: ({ init }) => void (init.body = JSON.stringify({ action: 'receive', endpoints: ['ep'] })),
    });
    expect(answer).toEqual(REFUSED);
    expect(cloud.cloud.connection('ep')?.status).toBe('pendingAcceptance');
  });

  test.each([
    { minutes: 15, status: 200 },
    { minutes: -15, status: 200 },
    { minutes: 15.02, status: 401 },
    { minutes: -15.02, status: 401 },
  ])('answers $status to a date that is $minutes minutes off', async ({ minutes, status }) => {
    const answer = await cloud.call({ path: SERVICES, date: cloud.clock.now() + minutes * MINUTE });
    expect(answer.status).toBe(status);
  });

  test('refuses the replay of a good request after 15 minutes', async () => {
    const date = cloud.clock.now();
    expect((await cloud.call({ path: SERVICES, date })).status).toBe(200);
    cloud.clock.advance(15 * MINUTE + 1_000);
    expect(await refusal({ date })).toEqual(REFUSED);
  });

  test('wants the security token of a temporary key, and wants it signed', async () => {
    const { securityToken, ...bare } = TEMPORARY_KEY;
    expect((await cloud.call({ path: SERVICES, key: TEMPORARY_KEY })).status).toBe(200);
    expect(await refusal({ key: bare })).toEqual(REFUSED);
    expect(await refusal({ key: { ...bare, securityToken: 'another' } })).toEqual(REFUSED);
    expect(await refusal({ key: TEMPORARY_KEY, signed: ['host', 'x-sdk-date'] })).toEqual(REFUSED);
    expect(securityToken).toBeDefined();
  });

  test('locks an access key for five minutes after the sixth failure in a row', async () => {
    const wrong = { key: { ...KEY, secretKey: 'wrong' } };
    for (let failure = 0; failure < 5; failure += 1) {
      expect(await refusal(wrong)).toEqual(REFUSED);
    }
    expect((await cloud.call(SERVICES)).status).toBe(200);
    for (let failure = 0; failure < 6; failure += 1) {
      expect(await refusal(wrong)).toEqual(REFUSED);
    }
    const locked = await cloud.call(SERVICES);
    expect(locked.status).toBe(401);
    expect(locked.text).toContain('AK access failed to reach the limit,forbidden');
    expect((await cloud.call({ path: SERVICES, key: TEMPORARY_KEY })).status).toBe(200);
    cloud.clock.advance(5 * MINUTE);
    expect((await cloud.call(SERVICES)).status).toBe(200);
  });

  test.each([
    { token: 'good-token', status: 200 },
    { token: 'old-token', status: 401 },
    { token: 'unknown', status: 401 },
  ])('answers $status to the token $token', async ({ token, status }) => {
    const answer = await cloud.call({ path: SERVICES, key: null, headers: { 'x-auth-token': token } });
    expect(answer.status).toBe(status);
  });

  test('takes tokens that are added while it runs', async () => {
    cloud.cloud.addToken({ token: 'new-token', domain_id: cloud.cloud.project(PROJECT)?.domainId ?? '' });
    const answer = await cloud.call({ path: SERVICES, key: null, headers: { 'x-auth-token': 'new-token' } });
    expect(answer.status).toBe(200);
  });

  test('knows whose project is whose', async () => {
    const foreign = await cloud.call({ path: SERVICES, key: OTHER_KEY });
    expect([foreign.status, foreign.code()]).toEqual([403, 'EndPoint.0004']);
    const unknown = await cloud.call('/v1/nosuchproject/vpc-endpoint-services');
    expect([unknown.status, unknown.code()]).toEqual([400, 'EndPoint.0014']);
  });

  test('spells its codes as the project’s cloud does', async () => {
    const answer = await cloud.call({ path: `/v1/${OTHER_PROJECT}/vpc-endpoint-services`, key: null });
    expect(answer.code()).toBe('APIG.0301');
  });
});

describe('noSuchApi', () => {
  test.each([
    ['GET', '/v1/p/elsewhere/x/y/z'],
    ['DELETE', SERVICES],
    ['GET', `${SERVICES}/`],
    ['POST', `${SERVICES}/svc/connections`],
  ])('answers 404 APIGW.0101 to %s %s', async (method, path) => {
    const answer = await cloud.call({ method, path });
    expect([answer.status, answer.code()]).toEqual([404, 'APIGW.0101']);
  });
});
