/** A signer, a clock and a small scenario for the emulator's tests. The signer is its own: it shares no code with the verifier under test. */
import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { type Emulator, type EmulatorOptions, startEmulator } from '../../lib/emulator/emulator.ts';
import type { Scenario, ScenarioConnection, ScenarioService } from '../../lib/emulator/scenario.ts';

export const START = Date.parse('2026-11-21T12:00:00Z');
export const PROJECT = '6e9dfd51d1124e8d8498dce894923a0d';
export const OTHER_PROJECT = 'aaaabbbbccccddddeeeeffff00001111';
export const OWN_DOMAIN = 'db9b76a0d9ae431f8e85e89da2ca867c';
export const OTHER_DOMAIN = '5f3c2b1a0d9e4c8b7a6f5e4d3c2b1a00';
export const KEY = { accessKey: 'TESTKEY1', secretKey: 'test-secret-1' };
export const OTHER_KEY = { accessKey: 'TESTKEY2', secretKey: 'test-secret-2' };
export const TEMPORARY_KEY = { accessKey: 'TESTKEY3', secretKey: 'test-secret-3', securityToken: 'temporary-token==' };

export interface TestClock extends Clock {
  advance(ms: number): void;
  /** How many are waiting. */
  sleepers(): number;
}

/** A clock that stands still until told. */
export function standingClock(): TestClock {
  let now = START;
  let waiting: { atMs: number; wake: () => void }[] = [];
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        waiting.push({ atMs: now + ms, wake: resolve });
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
    advance(ms) {
      now += ms;
      const due = waiting.filter(({ atMs }) => atMs <= now);
      waiting = waiting.filter(({ atMs }) => atMs > now);
      for (const { wake } of due) {
        wake();
      }
    },
    sleepers: () => waiting.length,
  };
}

export function connection(id: string, more: Partial<ScenarioConnection> = {}): ScenarioConnection {
  return { id, domain_id: OTHER_DOMAIN, ...more };
}

/** One own project with these services, one of another account, three keys and two tokens. */
export function scenarioOf(services: readonly ScenarioService[], more: Partial<Scenario> = {}): Scenario {
  return {
    credentials: [
      { access_key: KEY.accessKey, secret_key: KEY.secretKey, domain_id: OWN_DOMAIN },
      { access_key: OTHER_KEY.accessKey, secret_key: OTHER_KEY.secretKey, domain_id: OTHER_DOMAIN },
      {
        access_key: TEMPORARY_KEY.accessKey,
        secret_key: TEMPORARY_KEY.secretKey,
        security_token: TEMPORARY_KEY.securityToken,
        domain_id: OWN_DOMAIN,
      },
    ],
    tokens: [
      { token: 'good-token', domain_id: OWN_DOMAIN },
      { token: 'old-token', domain_id: OWN_DOMAIN, expires_at: '2026-11-21T11:59:59Z' },
    ],
    projects: [
      { project_id: PROJECT, region: 'ap-southeast-1', domain_id: OWN_DOMAIN, services },
      {
        project_id: OTHER_PROJECT,
        region: 'eu-de',
        domain_id: OTHER_DOMAIN,
        profile: 'otc',
        services: [{ id: 'other-service', service_name: 'other', connections: [connection('other-1')] }],
      },
    ],
    ...more,
  };
}

export interface Call {
  method?: string;
  path: string;
  /** Text as it goes over the wire; anything else becomes JSON. */
  body?: unknown;
  key?: { accessKey: string; secretKey: string; securityToken?: string } | null;
  headers?: Record<string, string>;
  /** Default: the emulator's clock. */
  date?: number;
  signed?: readonly string[];
  /** Changes the request after it was signed. */
  tamper?: (request: { url: string; init: RequestInit & { headers: Record<string, string> } }) => void;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: () => Record<string, unknown>;
  /** The error code, wherever the shape has it. */
  code: () => unknown;
}

export interface TestCloud extends Emulator {
  clock: TestClock;
  call(call: Call | string): Promise<Answer>;
}

/** Starts an emulator on a standing clock, with a client whose requests are signed. */
export async function startTestCloud(scenario: Scenario, options: EmulatorOptions = {}): Promise<TestCloud> {
  const clock = standingClock();
  const emulator = await startEmulator({ scenario, clock, ...options });
  const call = async (input: Call | string): Promise<Answer> => {
    const request = signedRequest(emulator.url, clock.now(), typeof input === 'string' ? { path: input } : input);
    const response = await fetch(request.url, request.init);
    const text = await response.text();
    const json = () => JSON.parse(text);
    const code = () => json().error?.code ?? json().error_code;
    return { status: response.status, headers: response.headers, text, json, code };
  };
  return Object.assign(Object.create(emulator), { clock, call });
}

function signedRequest(base: string, now: number, call: Call) {
  const { method = 'GET', path, headers: extra = {} } = call;
  const key: Call['key'] = call.key === undefined ? KEY : call.key;
  const body = typeof call.body === 'string' ? call.body : call.body === undefined ? '' : JSON.stringify(call.body);
  const url = new URL(base + path);
  const date = new Date(call.date ?? now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-sdk-date': date, ...extra };
  if (key?.securityToken !== undefined) {
    headers['x-security-token'] = key.securityToken;
  }
  if (key !== null) {
    const all: Record<string, string> = { ...headers, host: url.host };
    const names = call.signed ?? Object.keys(all).sort();
    const pairs = [...url.searchParams].map(([k, v]) => [encode(k), encode(v)] as const);
    const canonical = [
      method,
      `${url.pathname
        .split('/')
        .map((part) => encode(decodeURIComponent(part)))
        .join('/')}/`,
      pairs
        .sort(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
        .map((pair) => pair.join('='))
        .join('&'),
      names.map((name) => `${name}:${all[name]}\n`).join(''),
      names.join(';'),
      createHash('sha256').update(body).digest('hex'),
    ].join('\n');
    const toSign = `SDK-HMAC-SHA256\n${date}\n${createHash('sha256').update(canonical).digest('hex')}`;
    const signature = createHmac('sha256', key.secretKey).update(toSign).digest('hex');
    headers['authorization'] =
      `SDK-HMAC-SHA256 Access=${key.accessKey}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  }
  const request = { url: String(url), init: { method, headers, ...(method === 'GET' ? {} : { body }) } };
  call.tamper?.(request);
  return request;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
