/** Security: no secret comes out, in whatever way a run ends. */
import { createServer, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Approver, createApprover } from '../lib/approver.ts';
import { readBuildInfo } from '../lib/build-info.ts';
import { CloudError } from '../lib/cloud/cloud-error.ts';
import { createHttpClient } from '../lib/cloud/http-client.ts';
import { readCredentials } from '../lib/cloud/credentials.ts';
import { createAuthenticator } from '../lib/cloud/iam-sign-in.ts';
import { loadConfig } from '../lib/config.ts';
import { readScenario } from '../lib/emulator/scenario.ts';
import { filesBelow, makeProject, PROJECT, run, start, startCloud } from './cli/support/run.ts';

const SECRET_KEY = 'canary-secret-key-6hJ2';
const SECURITY_TOKEN = 'canary-security-token-Qz81==';
const IAM_TOKEN = 'canary-iam-token-MIIF0a/b+c==';
const OWN_DOMAIN = 'db9b76a0d9ae431f8e85e89da2ca867c';

const KEY = {
  HUAWEICLOUD_SDK_AK: 'CANARYAK',
  HUAWEICLOUD_SDK_SK: SECRET_KEY,
  HUAWEICLOUD_SDK_SECURITY_TOKEN: SECURITY_TOKEN,
};
const TOKEN = { HUAWEICLOUD_SDK_TOKEN: IAM_TOKEN };
const IDENTITIES = [
  { identity: 'an access key with a security token', env: KEY },
  { identity: 'an IAM token', env: TOKEN },
] as const;

const SERVICE = '4189d3c2-8882-4871-a3c2-d380272eed88';
const SCENARIO = readScenario({
  credentials: [
    { access_key: 'CANARYAK', secret_key: SECRET_KEY, security_token: SECURITY_TOKEN, domain_id: OWN_DOMAIN },
  ],
  tokens: [{ token: IAM_TOKEN, domain_id: OWN_DOMAIN }],
  projects: [
    {
      project_id: PROJECT,
      region: 'ap-southeast-1',
      domain_id: OWN_DOMAIN,
      services: [
        {
          id: SERVICE,
          service_name: 'one',
          tags: { env: 'prod' },
          connections: [
            { id: 'e1', domain_id: '0badc0de0badc0de0badc0de0badc0de' },
            { id: 'e2', domain_id: 'd2' },
          ],
        },
      ],
    },
  ],
});

/** Fails when one of the texts holds a canary, whole or in part, plain, escaped or encoded, or a signature that was sent. */
function expectNoSecret(texts: Iterable<string>, signatures: readonly string[] = []): void {
  const parts = [
    'canary',
    SECRET_KEY.slice(7),
    SECURITY_TOKEN.slice(7),
    IAM_TOKEN.slice(7),
    'Signature=',
    ...signatures,
  ];
  const encoded = [SECRET_KEY, SECURITY_TOKEN, IAM_TOKEN].flatMap((secret) => [
    Buffer.from(secret).toString('base64').slice(0, -4),
    Buffer.from(secret).toString('hex'),
    encodeURIComponent(secret),
  ]);
  for (const text of texts) for (const part of [...parts, ...encoded]) expect(text.includes(part) ? text : '').toBe('');
}

/** Everything that an object holds, own or inherited, enumerable or not, as far as somebody could print it. */
function deeply(value: unknown): string {
  const options = {
    depth: null,
    showHidden: true,
    getters: true,
    maxArrayLength: null,
    maxStringLength: null,
  } as const;
  return [
    inspect(value, options),
    inspect(value, { ...options, customInspect: false }),
    JSON.stringify(value),
    String(value),
  ].join('\n');
}

interface EchoServer {
  readonly url: string;
  readonly signatures: string[];
  readonly requests: () => number;
}

/** A cloud that answers everything with `status` and, in its body, the headers it was sent. */
async function startEcho(status: number): Promise<EchoServer> {
  const signatures: string[] = [];
  let requests = 0;
  const server = createServer((request: IncomingMessage, response) => {
    requests += 1;
    const { authorization = '' } = request.headers;
    const signature = /Signature=([0-9a-f]+)/.exec(authorization)?.[1];
    if (signature !== undefined) signatures.push(signature);
    const headers = JSON.stringify(request.headers);
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'X-Request-Id': request.headers['x-auth-token'] ?? signature ?? 'r1',
    });
    response.end(
      JSON.stringify({
        error_code: 'APIGW.0001',
        error_msg: `${authorization} ${headers}`,
        headers: request.rawHeaders,
      }),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    signatures,
    requests: () => requests,
  };
}

const COMMANDS = [
  ['sweep', '--dry-run'],
  ['sweep', '--json'],
  ['reconcile', SERVICE, 'e2'],
  ['reconcile', SERVICE, 'e2', '--json'],
];
const SHORT = { limits: { confirm_seconds: 0, requests_per_second: null, run_minutes: 1 } };

/** Runs every command that talks to the cloud and returns all they wrote anywhere. */
async function outputs(
  url: string,
  env: Readonly<Record<string, string>>,
): Promise<{ texts: string[]; codes: (number | null)[] }> {
  const folder = makeProject(url, SHORT);
  const texts: string[] = [];
  const codes: (number | null)[] = [];
  for (const words of COMMANDS) {
    const { code, stdout, stderr } = await run(words, {
      folder,
      env: { ...env, LOG_LEVEL: 'debug', NODE_DEBUG: 'http' },
      columns: 120,
    });
    texts.push(stdout, stderr);
    codes.push(code);
  }
  const files = filesBelow(path.join(folder, 'audit'));
  expect(files.size).toBeGreaterThan(0);
  return { texts: [...texts, ...files.keys(), ...files.values()], codes };
}

describe('a canary secret', () => {
  test.each(IDENTITIES)('stays inside when all goes well with $identity', async ({ env }) => {
    const cloud = await startCloud({ scenario: SCENARIO });
    const { texts, codes } = await outputs(cloud.url, env);
    expect(codes).toEqual([0, 0, 0, 0]);
    expectNoSecret(texts);
  });

  test.each(IDENTITIES)('stays inside when the cloud refuses $identity', async ({ env }) => {
    const cloud = await startCloud();
    const { texts, codes } = await outputs(cloud.url, env);
    expect(codes).toEqual([1, 1, 1, 1]);
    expectNoSecret(texts);
  });

  test.each(IDENTITIES.flatMap((row) => [400, 401, 403, 404].map((status) => ({ ...row, status }))))(
    'stays inside when the cloud answers $status with the headers of $identity',
    async ({ env, status }) => {
      const echo = await startEcho(status);
      const { texts } = await outputs(echo.url, env);
      expect(echo.requests()).toBeGreaterThan(0);
      expectNoSecret(texts, echo.signatures);
    },
  );

  test.each(IDENTITIES)(
    'stays inside when the cloud answers 500 with the headers of $identity, in a process of its own',
    async ({ env }) => {
      const echo = await startEcho(500);
      const folder = makeProject(echo.url, SHORT);
      const { code, stdout, stderr } = await start(['sweep', '--json'], { folder, env: { ...env, LOG_LEVEL: 'debug' } })
        .ended;
      expect(code).toBe(1);
      expectNoSecret([stdout, stderr, ...filesBelow(folder).values()], echo.signatures);
    },
  );

  test.each(IDENTITIES)('stays inside when nobody listens to $identity', async ({ env }) => {
    const echo = await startEcho(200);
    const folder = makeProject(echo.url.replace(/:\d+$/, ':9'), SHORT);
    const { code, stdout, stderr } = await start(['sweep'], { folder, env }).ended;
    expect(code).toBe(1);
    expectNoSecret([stdout, stderr, ...filesBelow(folder).values()]);
  });

  test.each(IDENTITIES)(
    'is in no object of an approver with $identity, and in no error of its client',
    async ({ env }) => {
      const echo = await startEcho(403);
      const folder = makeProject(echo.url, SHORT);
      const approver: Approver = createApprover({
        config: loadConfig(path.join(folder, 'policies/approver.json'), {}),
        env,
        build: readBuildInfo(),
        echoes: false,
      });
      const request = { trigger: 'cli', requestId: null, budgetMs: null } as const;
      const credentials = readCredentials(env);
      const http = createHttpClient({
        authenticator: createAuthenticator(credentials, {
          placeOf: () => undefined,
          clock: { now: Date.now, sleep: async () => {} },
          random: () => 0.5,
        }),
        clock: { now: Date.now, sleep: async () => {} },
        random: () => 0.5,
        concurrency: 1,
        requestsPerSecond: null,
      });
      const failure: unknown = await http
        .request(
          { method: 'GET', baseUrl: new URL(echo.url), path: ['v1', 'x'], projectId: PROJECT, repeat: 'freely' },
          { signal: new AbortController().signal },
        )
        .catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CloudError);
      expectNoSecret(
        [deeply(approver), deeply(await approver.sweep(request)), deeply(credentials), deeply(http), deeply(failure)],
        echo.signatures,
      );
    },
  );

  test.each([
    { HUAWEICLOUD_SDK_SK: SECRET_KEY },
    { HUAWEICLOUD_SDK_SECURITY_TOKEN: SECURITY_TOKEN },
    { ...KEY, HUAWEICLOUD_SDK_SK: `${SECRET_KEY}\n` },
    { HUAWEICLOUD_SDK_TOKEN: `${IAM_TOKEN} ` },
  ])('stays inside when it cannot be used (%#)', async (env) => {
    const { code, stdout, stderr } = await run(['sweep', '--json'], { folder: makeProject('http://127.0.0.1:9'), env });
    expect(code).toBe(2);
    expectNoSecret([
      stdout,
      stderr,
      deeply(
        (() => {
          try {
            return readCredentials(env);
          } catch (error) {
            return error;
          }
        })(),
      ),
    ]);
  });
});
