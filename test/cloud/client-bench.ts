/** A client on a fake clock against a scripted server, as most tests of this folder need it. */
import { CloudError } from '../../lib/cloud/cloud-error.ts';
import type { CallOptions } from '../../lib/cloud/endpoint-services.ts';
import { AccessKey } from '../../lib/cloud/credentials.ts';
import {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  type HttpEvent,
} from '../../lib/cloud/http-client.ts';
import type { HttpRequest } from '../../lib/cloud/call.ts';
import { FakeClock } from './fake-clock.ts';
import { startServer, type Reply, type ScriptedServer, type SeenRequest } from './scripted-server.ts';

export const SECRET_KEY = 'canary/secret+key0123456789abcdef';
export const SECURITY_TOKEN = 'canary-security-token-0123456789==';
export const VARIABLES = ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'];

export interface Bench {
  readonly server: ScriptedServer;
  readonly clock: FakeClock;
  readonly http: HttpClient;
  readonly events: HttpEvent[];
  /** Requests whose answer has not been read to the end. */
  readonly inFlight: () => number;
  /** Settles as the call does, while the fake time passes whenever nothing is on its way. */
  readonly run: <T>(call: Promise<T>) => Promise<T>;
}

/** Starts a server and a client. The caller closes the server. */
export async function startBench(
  script: (request: SeenRequest, index: number) => Reply | Promise<Reply>,
  options: Partial<HttpClientOptions> = {},
): Promise<Bench> {
  const server = await startServer(script);
  const clock = new FakeClock();
  const events: HttpEvent[] = [];
  const count = (type: HttpEvent['type']) => events.filter((event) => event.type === type).length;
  const inFlight = () => count('sent') - count('answered');
  const http = createHttpClient({
    authenticator: new AccessKey(
      { accessKey: 'canary-access-key-id', secretKey: SECRET_KEY, securityToken: SECURITY_TOKEN },
      VARIABLES,
    ),
    clock,
    // Full jitter at its upper bound: waits are as long as they can be.
    random: () => 0.999999,
    concurrency: 8,
    requestsPerSecond: null,
    observe: (event) => events.push(event),
    ...options,
  });
  return { server, clock, http, events, inFlight, run: (call) => clock.run(call, () => inFlight() === 0) };
}

/** Options of a call that has all the time in the world. */
export const PATIENT: CallOptions = { signal: new AbortController().signal };

/** A read. */
export function read(bench: Bench, change: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', baseUrl: bench.server.url, path: ['v1', 'things'], repeat: 'freely', ...change };
}

/** A change. */
export function write(bench: Bench, change: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    baseUrl: bench.server.url,
    path: ['v1', 'things', 'action'],
    body: { action: 'receive' },
    repeat: 'if-nothing-was-done',
    ...change,
  };
}

/** The error a call fails with; anything but a CloudError is the test's failure. */
export async function errorOf(call: Promise<unknown>): Promise<CloudError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof CloudError) return error;
  throw new Error('expected a CloudError', { cause: error });
}
