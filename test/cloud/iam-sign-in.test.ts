import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { AccessKey, type PreparedRequest } from '../../lib/cloud/credentials.ts';
import { createHttpClient } from '../../lib/cloud/http-client.ts';
import { createAuthenticator } from '../../lib/cloud/iam-sign-in.ts';
import fixtures from '../fixtures/cloud/iam.json' with { type: 'json' };
import { errorOf, PATIENT } from './client-bench.ts';
import { HOUR, type IamBench, issued, PASSWORD, startIamBench, USER_VARIABLES } from './iam-bench.ts';
import type { Reply } from './scripted-server.ts';

const open: IamBench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ server }) => server.close()));
});

async function bench(...parameters: Parameters<typeof startIamBench>): Promise<IamBench> {
  const started = await startIamBench(...parameters);
  open.push(started);
  return started;
}

/** A read in a project. */
function read(b: IamBench, projectId = 'p1', options = PATIENT) {
  const path = ['v1', projectId, 'things'];
  return b.http.request({ method: 'GET', baseUrl: b.server.url, path, projectId, repeat: 'freely' }, options);
}

/** The request as the authenticator gets it, where a test needs no client around. */
const PREPARED: PreparedRequest = {
  method: 'GET',
  host: 'h',
  path: '/',
  query: '',
  headers: {},
  body: '',
  projectId: 'p1',
};

function tokens(b: IamBench): readonly unknown[] {
  return b.calls().map(({ headers }) => headers['x-auth-token']);
}

const WRONG: Reply = { status: 401, body: fixtures.errors['401'] };
const REFUSED: Reply = { status: 401, body: { error_code: 'APIGW.0301', error_msg: 'decrypt token fail' } };
const VARIABLES = USER_VARIABLES.map((name) => `\`${name}\``).join(', ');

describe('createAuthenticator', () => {
  test('returns what authenticates by itself as it is', () => {
    const key = new AccessKey({ accessKey: 'a', secretKey: 'b' }, []);
    const options = { placeOf: () => undefined, clock: { now: () => 0, sleep: async () => {} }, random: () => 0 };
    expect(createAuthenticator(key, options)).toBe(key);
  });
});

describe('a log-in', () => {
  test('asks for a token of the project, and sends that with the request', async () => {
    const b = await bench();
    await b.run(read(b));
    const [logIn] = b.logIns();
    expect(logIn?.target).toBe('/v3/auth/tokens?nocatalog=true');
    expect(logIn?.headers['content-type']).toBe('application/json;charset=utf8');
    expect(logIn?.headers['x-auth-token']).toBeUndefined();
    expect(JSON.parse(logIn?.body ?? '')).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'IAM User', password: PASSWORD, domain: { name: 'IAMDomain' } } },
        },
        scope: { project: { id: 'p1' } },
      },
    });
    expect(tokens(b)).toEqual(['canary-token-1']);
    expect(b.calls()[0]?.headers.authorization).toBeUndefined();
  });

  test("reads the vendor's documented answer", async () => {
    const { header, body } = fixtures.token;
    const b = await bench({ iam: () => () => ({ status: 201, headers: { 'x-subject-token': header }, body }) });
    await b.run(read(b));
    // It was issued in 2020: what counts is how long it lives.
    await b.run(read(b));
    expect(tokens(b)).toEqual([header, header]);
    expect(b.logIns().length).toBe(1);
  });

  test('happens once for each project', async () => {
    const b = await bench();
    for (const project of ['p1', 'p2', 'p1', 'p2']) await b.run(read(b, project));
    expect(b.logIns().map(({ body }) => JSON.parse(body).auth.scope.project.id)).toEqual(['p1', 'p2']);
    expect(tokens(b)).toEqual(['canary-token-1', 'canary-token-2', 'canary-token-1', 'canary-token-2']);
  });

  test('happens once for a hundred requests at the same time', async () => {
    const b = await bench();
    await b.run(Promise.all(Array.from({ length: 100 }, () => read(b))));
    expect(b.logIns().length).toBe(1);
    expect(b.calls().length).toBe(100);
  });

  test('happens once for a hundred that wait for the token at the same time', async () => {
    const b = await bench();
    const waiting = Array.from({ length: 100 }, () => b.authenticator.authenticate(PREPARED, 0, PATIENT));
    const headers = await b.run(Promise.all(waiting));
    expect(b.logIns().length).toBe(1);
    expect(new Set(headers.map((each) => each['x-auth-token']))).toEqual(new Set(['canary-token-1']));
  });

  test('is not made for a project that is no target’s', async () => {
    const b = await bench();
    const error = await errorOf(b.run(read(b, 'x')));
    expect(error).toMatchObject({ code: 'credentials-refused', attempts: 0, effect: 'none' });
    expect(b.server.requests).toEqual([]);
  });
});

describe('a renewal', () => {
  test.each([
    { name: 'an hour before the end', lifetime: 24 * HOUR, fine: 23 * HOUR - 1, due: 1 },
    { name: 'halfway through a short life', lifetime: 10 * 60_000, fine: 5 * 60_000 - 1, due: 1 },
  ])('comes $name', async ({ lifetime, fine, due }) => {
    const b = await bench({
      iam:
        ({ clock }) =>
        (_, index) =>
          issued(clock, `t${index + 1}`, lifetime),
    });
    await b.run(read(b));
    b.clock.advance(fine);
    await b.run(read(b));
    expect(tokens(b)).toEqual(['t1', 't1']);
    b.clock.advance(due);
    await b.run(Promise.all([read(b), read(b)]));
    expect(tokens(b)).toEqual(['t1', 't1', 't2', 't2']);
    expect(b.logIns().length).toBe(2);
  });

  test.each([-48 * HOUR, 48 * HOUR])('does not depend on our clock, which is %i ms off', async (skew) => {
    const b = await bench({
      iam:
        ({ clock }) =>
        (_, index) =>
          issued(clock, `t${index + 1}`, 24 * HOUR, skew),
    });
    await b.run(read(b));
    b.clock.advance(22 * HOUR);
    await b.run(read(b));
    b.clock.advance(2 * HOUR);
    await b.run(read(b));
    expect(tokens(b)).toEqual(['t1', 't1', 't2']);
  });

  test('that fails leaves the token in use until its end, and IAM alone for half a minute', async () => {
    const b = await bench({
      iam:
        ({ clock }) =>
        (_, index) =>
          index === 0 ? issued(clock, 't1') : { status: 503 },
    });
    await b.run(read(b));
    b.clock.advance(23 * HOUR);
    await b.run(read(b));
    await b.run(read(b));
    expect(tokens(b)).toEqual(['t1', 't1', 't1']);
    expect(b.logIns().length).toBe(1 + 3);
    b.clock.advance(HOUR);
    const error = await errorOf(b.run(read(b)));
    expect(error).toMatchObject({ code: 'sign-in-failed', retryable: true, attempts: 0 });
    expect(b.logIns().length).toBe(1 + 3 + 3);
  });

  test('follows the 401 of a service once, for all that were under way, and each request is repeated once', async () => {
    const b = await bench({
      service: (request) => (request.headers['x-auth-token'] === 'canary-token-1' ? REFUSED : { body: {} }),
    });
    const answers = await b.run(Promise.all(Array.from({ length: 20 }, () => read(b))));
    expect(b.logIns().length).toBe(2);
    expect(answers[0]).toMatchObject({ attempts: 2 });
    for (const { attempts } of answers) expect(attempts).toBeLessThanOrEqual(2);
  });

  test('happens once for twenty requests that are refused at the same time', async () => {
    let isRevoked = false;
    const b = await bench({
      service: (request) =>
        isRevoked && request.headers['x-auth-token'] === 'canary-token-1' ? REFUSED : { body: {} },
    });
    await b.run(read(b));
    isRevoked = true;
    const answers = await b.run(Promise.all(Array.from({ length: 8 }, () => read(b))));
    expect(b.logIns().length).toBe(2);
    expect(answers.map(({ attempts }) => attempts)).toEqual(Array.from({ length: 8 }, () => 2));
  });

  test('repeats an action too, for a 401 says that nothing was done', async () => {
    const b = await bench({ service: (_, index) => (index === 0 ? REFUSED : { body: {} }) });
    const path = ['v1', 'p1', 'action'];
    const request = { method: 'POST', baseUrl: b.server.url, path, body: {}, projectId: 'p1' } as const;
    expect(await b.run(b.http.request({ ...request, repeat: 'if-nothing-was-done' }, PATIENT))).toMatchObject({
      attempts: 2,
    });
  });

  test('is made once for one request, which then fails with the 401', async () => {
    const b = await bench({ service: () => REFUSED });
    expect(await errorOf(b.run(read(b)))).toMatchObject({ httpStatus: 401, attempts: 2, retryable: false });
    expect([b.logIns().length, b.calls().length]).toEqual([2, 2]);
  });

  test('is not repeated after a second 401, which refuses the project and no other', async () => {
    const b = await bench({ service: (request) => (request.target.includes('/p1/') ? REFUSED : { body: {} }) });
    const errors = await b.run(Promise.all(Array.from({ length: 10 }, () => errorOf(read(b)))));
    const [refused, ...more] = errors.filter((error) => error.httpStatus === 401);
    expect(refused).toMatchObject({ code: 'APIGW.0301', attempts: 1, effect: 'none', retryable: false });
    expect(refused?.message).toBe(`GET /v1/p1/things: 401 APIGW.0301: decrypt token fail; check ${VARIABLES}`);
    expect(more).toEqual([]);
    expect(errors.filter((error) => error.code === 'credentials-refused').length).toBe(9);
    expect([b.logIns().length, b.calls().length]).toEqual([2, 2]);
    expect(await b.run(read(b, 'p2'))).toMatchObject({ attempts: 1 });
    expect((await errorOf(b.run(read(b)))).code).toBe('credentials-refused');
  });
});

describe('a wrong password', () => {
  test('is sent once, for all requests, projects and runs', async () => {
    const b = await bench({ iam: () => () => WRONG });
    const calls = Array.from({ length: 30 }, (_, index) => errorOf(read(b, `p${index % 5}`)));
    const errors = await b.run(Promise.all(calls));
    expect([b.logIns().length, b.calls().length]).toEqual([1, 0]);
    const { host } = b.server.url;
    const reason = `IAM at \`${host}\` gave no token for project \`p0\`: 401: Unauthorized; check ${VARIABLES}`;
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'credentials-refused', attempts: 0, effect: 'none', retryable: false });
      expect(error.httpStatus).toBeUndefined();
      expect(error.message).toMatch(/^GET \/v1\/p\d\/things: not sent, because /);
      expect(error.message.endsWith(reason)).toBe(true);
    }
    b.clock.advance(48 * HOUR);
    const next = { ...b, http: createHttpClient({ ...LIMITS, authenticator: b.authenticator, clock: b.clock }) };
    expect((await errorOf(b.run(read(next)))).code).toBe('credentials-refused');
    expect(b.logIns().length).toBe(1);
  });

  test('is sent once although many projects ask for a token at the same time', async () => {
    const b = await bench({ iam: () => () => WRONG });
    const projects = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
    const calls = projects.map((projectId) =>
      errorOf(b.authenticator.authenticate({ ...PREPARED, projectId }, 0, PATIENT)),
    );
    await b.run(Promise.all(calls));
    expect(b.logIns().length).toBe(1);
  });

  test('is not what a 401 is about right after the password was right, but the third in a row is', async () => {
    const b = await bench({
      iam:
        ({ clock }) =>
        (request, index) =>
          request.body.includes('"p1"') ? issued(clock, `t${index}`) : WRONG,
    });
    await b.run(read(b, 'p1'));
    for (const project of ['p2', 'p2', 'p3']) await errorOf(b.run(read(b, project)));
    expect(b.logIns().length).toBe(3);
    await b.run(read(b, 'p1'));
    for (const project of ['p4', 'p5', 'p6']) await errorOf(b.run(read(b, project)));
    expect(b.logIns().length).toBe(4);
    expect(await b.run(read(b, 'p1'))).toMatchObject({ attempts: 1 });
  });
});

const LIMITS = { random: () => 0, concurrency: 8, requestsPerSecond: null };

describe('an error of IAM', () => {
  test.each([
    {
      name: '400',
      reply: { status: 400, body: fixtures.errors['400'] },
      code: 'credentials-refused',
      logIns: 1,
      text: `400: The request body is invalid; check ${VARIABLES}`,
    },
    {
      name: '403',
      reply: { status: 403, body: fixtures.errors['403'] },
      code: 'credentials-refused',
      logIns: 1,
      text: `403: You have no right to do this action; check ${VARIABLES}`,
    },
    { name: '404', reply: { status: 404 }, code: 'credentials-refused', logIns: 1, text: `404; check ${VARIABLES}` },
    { name: '500', reply: { status: 500 }, code: 'sign-in-failed', logIns: 3, text: ': 500' },
    {
      name: 'HTML',
      reply: { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>canary</html>' },
      code: 'sign-in-failed',
      logIns: 3,
      text: ': 502',
    },
    {
      name: 'HTML with status 200',
      reply: { body: '<html>canary</html>' },
      code: 'sign-in-failed',
      logIns: 3,
      text: ': 200: the answer is not JSON',
    },
    { name: '429', reply: { status: 429 }, code: 'sign-in-failed', logIns: 3, text: ': 429' },
    {
      name: '429 with a long wait',
      reply: { status: 429, headers: { 'retry-after': '3600' } },
      code: 'sign-in-failed',
      logIns: 1,
      text: ': 429',
    },
    {
      name: 'a broken connection',
      reply: { fault: 'reset' },
      code: 'sign-in-failed',
      logIns: 3,
      text: '; check `HUAWEICLOUD_SDK_IAM_ENDPOINT`',
    },
    { name: 'silence', reply: { fault: 'hang' }, code: 'sign-in-failed', logIns: 3, text: ': no answer in time' },
    {
      name: 'a redirect',
      reply: { status: 302, headers: { location: '/canary' } },
      code: 'sign-in-failed',
      logIns: 1,
      text: ': 302',
    },
    {
      name: 'no token in the header',
      reply: { status: 201, body: fixtures.token.body },
      code: 'sign-in-failed',
      logIns: 1,
      text: 'expected `X-Subject-Token` and `token.expires_at`',
    },
    {
      name: 'no end in the body',
      reply: { status: 201, headers: { 'x-subject-token': 'canary' }, body: { token: { expires_at: 'soon' } } },
      code: 'sign-in-failed',
      logIns: 1,
      text: 'expected `X-Subject-Token` and `token.expires_at`',
    },
  ] satisfies { name: string; reply: Reply; code: string; logIns: number; text: string }[])(
    'stops the request unsent on $name, in one line',
    async ({ reply, code, logIns, text }) => {
      const b = await bench({ iam: () => () => reply });
      // The fake time may only jump while the server is silent on purpose.
      const call = errorOf(read(b));
      const error = await (reply.fault === 'hang' ? b.clock.run(call, () => true) : b.run(call));
      expect(error).toMatchObject({ code, attempts: 0, effect: 'none' });
      // The adapters read 403 and 404 as the service's word.
      expect(error.httpStatus).toBeUndefined();
      expect(error.message).toMatch(/^GET \/v1\/p1\/things: not sent, because IAM at `[^\n]*$/);
      expect(error.message.endsWith(text)).toBe(true);
      expect(error.message).not.toContain('canary');
      expect([b.logIns().length, b.calls().length]).toEqual([logIns, 0]);
    },
  );

  test('with a bad day passes', async () => {
    const b = await bench({
      iam:
        ({ clock }) =>
        (_, index) =>
          index < 2 ? { status: 503 } : issued(clock, 't'),
    });
    expect(await b.run(read(b))).toMatchObject({ attempts: 1 });
  });

  test('is remembered for half a minute, so that a run does not become a storm of log-ins', async () => {
    const b = await bench({ iam: () => () => ({ status: 503 }) });
    await b.run(Promise.all(Array.from({ length: 50 }, () => errorOf(read(b)))));
    expect(b.logIns().length).toBe(3);
    b.clock.advance(30_000);
    await errorOf(b.run(read(b)));
    expect(b.logIns().length).toBe(6);
  });

  test('in one project does not stop another', async () => {
    const b = await bench({
      iam:
        ({ clock }) =>
        (request) =>
          request.body.includes('"p1"') ? { status: 404 } : issued(clock, 't'),
    });
    const [error, answer] = await b.run(Promise.all([errorOf(read(b, 'p1')), read(b, 'p2')]));
    expect(error.code).toBe('credentials-refused');
    expect(answer.status).toBe(200);
  });
});

describe('the deadline', () => {
  test('ends the wait for a token, and the log-in when nobody waits any more', async () => {
    const b = await bench({ iam: () => () => ({ fault: 'hang' }) });
    const deadline = new AbortController();
    const calls = [1, 2].map(() => errorOf(b.authenticator.authenticate(PREPARED, 0, { signal: deadline.signal })));
    while (b.logIns().length === 0) await new Promise(setImmediate);
    deadline.abort();
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'deadline', retryable: true });
    while (b.events.at(-1)?.type !== 'answered') await new Promise(setImmediate);
    expect(b.events.at(-1)).toMatchObject({ code: 'deadline' });
  });

  test('of one does not take the log-in away from the others', async () => {
    const held: ((reply: Reply) => void)[] = [];
    const b = await bench({
      iam: () => () =>
        new Promise<Reply>((resolve) => {
          held.push(resolve);
        }),
    });
    const deadline = new AbortController();
    const short = errorOf(b.authenticator.authenticate(PREPARED, 0, { signal: deadline.signal }));
    const long = b.authenticator.authenticate(PREPARED, 0, PATIENT);
    while (held.length === 0) await new Promise(setImmediate);
    deadline.abort();
    expect((await short).code).toBe('deadline');
    held[0]?.(issued(b.clock, 't1'));
    expect(await long).toEqual({ 'x-auth-token': 't1' });
  });

  test('is not remembered as a failure', async () => {
    const b = await bench({
      iam:
        ({ clock }) =>
        (_, index) =>
          index === 0 ? { fault: 'hang' } : issued(clock, 't1'),
    });
    const deadline = new AbortController();
    const call = errorOf(read(b, 'p1', { signal: deadline.signal }));
    while (b.logIns().length === 0) await new Promise(setImmediate);
    deadline.abort();
    expect(await call).toMatchObject({ code: 'deadline', attempts: 0, effect: 'none' });
    expect(await b.run(read(b))).toMatchObject({ attempts: 1 });
  });
});

function isAgency(body: string): boolean {
  return body.includes('assume_role');
}

describe('an agency', () => {
  const agency = { name: 'IAMAgency', domainName: 'IAMDomainA' };

  test("is taken on with the user's own token, for the project", async () => {
    const { header, body } = fixtures.agencyToken;
    const b = await bench(
      {
        iam:
          ({ clock }) =>
          (request) =>
            isAgency(request.body)
              ? { status: 201, headers: { 'x-subject-token': header }, body }
              : issued(clock, 'canary-own'),
      },
      { agency },
    );
    await b.run(Promise.all([read(b), read(b)]));
    await b.run(read(b, 'p2'));
    const asked = b.logIns().map((request) => ({
      token: request.headers['x-auth-token'],
      auth: JSON.parse(request.body).auth,
    }));
    const role = {
      methods: ['assume_role'],
      assume_role: { domain_name: 'IAMDomainA', agency_name: 'IAMAgency' },
    };
    expect(asked.length).toBe(3);
    expect(asked[0]?.auth.scope).toEqual({ domain: { name: 'IAMDomain' } });
    expect(asked[1]).toEqual({ token: 'canary-own', auth: { identity: role, scope: { project: { id: 'p1' } } } });
    expect(asked[2]).toEqual({ token: 'canary-own', auth: { identity: role, scope: { project: { id: 'p2' } } } });
    expect(tokens(b)).toEqual([header, header, header]);
  });

  test.each([
    { profile: 'huaweicloud', keys: ['agency_name', 'xrole_name'] },
    { profile: 'otc', keys: ['xrole_name', 'agency_name'] },
  ] as const)('is named in the words of $profile, and in the others after a 400', async ({ profile, keys }) => {
    const b = await bench(
      {
        iam:
          ({ clock }) =>
          (request) =>
            request.body.includes(`"${keys[0]}"`)
              ? { status: 400, body: fixtures.errors['400'] }
              : issued(clock, 'canary'),
      },
      { agency, profile },
    );
    await b.run(read(b));
    const roles = b.logIns().flatMap(({ body }) => {
      const { assume_role: role } = JSON.parse(body).auth.identity;
      return role === undefined ? [] : [Object.keys(role)];
    });
    expect(roles).toEqual(keys.map((key) => ['domain_name', key]));
  });

  test('is taken on again with a new token of our own when the old one is refused', async () => {
    const b = await bench(
      {
        iam:
          ({ clock }) =>
          (request, index) =>
            request.headers['x-auth-token'] === 't0'
              ? { status: 401, body: fixtures.errors['401Token'] }
              : issued(clock, `t${index}`),
      },
      { agency },
    );
    await b.run(read(b));
    expect(b.logIns().map(({ headers }) => headers['x-auth-token'])).toEqual([undefined, 't0', undefined, 't2']);
    expect(tokens(b)).toEqual(['t3']);
  });

  test('that refuses us is not the password’s fault, and may be asked again later', async () => {
    const b = await bench(
      {
        iam:
          ({ clock }) =>
          (request) =>
            isAgency(request.body)
              ? { status: 401, body: fixtures.errors['401Token'] }
              : issued(clock, `own-${clock.now()}`),
      },
      { agency },
    );
    const error = await errorOf(b.run(read(b)));
    expect(error.code).toBe('credentials-refused');
    expect(error.message).toContain('gave no token for agency `IAMAgency` in project `p1`: 401');
    expect(b.logIns().length).toBe(4);
    await errorOf(b.run(read(b)));
    expect(b.logIns().length).toBe(4);
    b.clock.advance(5 * 60_000);
    await errorOf(b.run(read(b)));
    expect(b.logIns().length).toBeGreaterThan(4);
  });

  test('is renewed after the 401 of a service with the own token that is still good', async () => {
    const b = await bench({ service: (_, index) => (index === 0 ? REFUSED : { body: {} }) }, { agency });
    await b.run(read(b));
    expect(b.logIns().map(({ body }) => isAgency(body))).toEqual([false, true, true]);
    expect(tokens(b)).toEqual(['canary-token-2', 'canary-token-3']);
  });
});

describe('a canary secret', () => {
  test('never comes out, also when IAM and the service send back what they were sent', async () => {
    for (const status of [400, 401, 503]) {
      const b = await bench({
        iam: () => (request) => ({
          status,
          body: { error: passwordOf(request.body) },
        }),
      });
      const error = await errorOf(b.run(read(b)));
      expect(outputsOf(error, b.events, b.authenticator, b.http)).not.toContain('canary');
    }
    const b = await bench({
      service: (request) => ({ status: 400, body: { error: { message: String(request.headers['x-auth-token']) } } }),
    });
    const error = await errorOf(b.run(read(b)));
    expect(outputsOf(error, b.events, b.authenticator, b.http)).not.toContain('canary');
  });
});

/** An error of IAM that is the password it was sent, in each of its parts. */
function passwordOf(body: string): object {
  const { password } = JSON.parse(body).auth.identity.password.user;
  return { code: password, message: `no: ${password}`, title: password };
}

/** Everything that a log or a terminal could make of the values. */
function outputsOf(...values: readonly unknown[]): string {
  return values
    .flatMap((value) => [
      inspect(value, { depth: 20, showHidden: true }),
      inspect({ value }, { depth: 20, showHidden: true, customInspect: false }),
      JSON.stringify(value),
      value instanceof Error ? value.message : '',
    ])
    .join(' ');
}
