/**
 * The local cloud over HTTP on loopback: receives requests, has the gateway and the routes answer them, injects faults, keeps
 * the logs. Knows no API: adding one is a file of routes and its line in `ROUTES`.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stringify } from 'lossless-json';
import { type Clock, systemClock } from '../clock.ts';
import { type ChangeLogEntry, Cloud } from './cloud.ts';
import { CONTROL_PREFIX, controlRoutes } from './control-routes.ts';
import { cssClusterRoutes } from './css-clusters.ts';
import { cssConnectionRoutes } from './css-connections.ts';
import { defaultScenario } from './default-scenario.ts';
import { type Delivery, effectsOf, type FaultEffects } from './fault-effects.ts';
import { type FaultFunction, faultFunction, type FaultPlan, parseFaults } from './faults.ts';
import { createGateway, gatewayError, noSuchApi } from './gateway.ts';
import { iamRoutes } from './iam.ts';
import { createRequestLog, type OpenLogEntry, type RequestLogEntry } from './request-log.ts';
import { type ApiAnswer, type Caller, compileRoutes, type RawRequest, Refusal } from './routes.ts';
import { readScenario, type Scenario } from './scenario.ts';
import { parseAuthorization } from './signature.ts';
import { vpcepConnectionRoutes } from './vpcep-connections.ts';
import { vpcepServiceRoutes } from './vpcep-services.ts';

/** Every API of the local cloud. */
const ROUTES = compileRoutes([
  ...vpcepServiceRoutes,
  ...vpcepConnectionRoutes,
  ...cssClusterRoutes,
  ...cssConnectionRoutes,
  ...iamRoutes,
  ...controlRoutes,
]);

/** Documented limit of the gateway for signed bodies. */
const MAX_BODY_BYTES = 12 * 1024 * 1024;

/** How to start the local cloud. */
export interface EmulatorOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Only loopback: what answers here believes whoever asks. */
  readonly host?: '127.0.0.1';
  /** Default: the tour. */
  readonly scenario?: Scenario;
  /** A fault specification, see `parseFaults`. Default: none. */
  readonly faults?: string;
  /** Default: the machine's. Ages, skew, delays and logs go by it. */
  readonly clock?: Clock;
  /** Makes chance, made-up ids and request ids repeatable. Default 1. */
  readonly seed?: number;
  /** Gets one line for each finished request and each change. */
  readonly onLog?: (line: string) => void;
}

/** A running local cloud. */
export interface Emulator {
  /** The base URL, without a slash at the end. */
  readonly url: string;
  readonly cloud: Cloud;
  /** Oldest first; the latest 100,000 at least. */
  readonly requests: readonly RequestLogEntry[];
  /** Status changes of connections, oldest first. */
  readonly changes: readonly ChangeLogEntry[];
  /** The most requests that were under way at the same time. */
  maxInFlight(): number;
  /** Replaces all faults from now on; `null` for none. Throws `FaultError` for a specification that cannot be used. */
  setFaults(faults: string | FaultPlan | FaultFunction | null): void;
  /** Stops, cutting what is still open. */
  close(): Promise<void>;
}

/** Starts a local cloud. Throws `ScenarioError` or `FaultError` for what it cannot use; rejects when the port is taken. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { port = 0, host = '127.0.0.1', clock = systemClock, seed = 1, onLog } = options;
  const scenario = options.scenario === undefined ? defaultScenario() : readScenario(options.scenario);
  const cloud = new Cloud(scenario, clock, seed);
  const gateway = createGateway(cloud);
  const log = createRequestLog();
  const stopping = new AbortController();
  let faults = compileFaults(options.faults ?? null, seed);
  let count = 0;

  cloud.onChange = (change) => {
    onLog?.(`connection ${change.endpointId} of ${change.serviceId}: ${change.from} -> ${change.to}`);
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
    // What fails here is the emulator's own bug, a client that left in the middle of its body, or the emulator stopping.
    serve(incoming, response).catch((error: unknown) => {
      if (!stopping.signal.aborted && !incoming.socket.destroyed) {
        onLog?.(`emulator failed: ${error instanceof Error ? error.stack : String(error)}`);
      }
      response.destroy();
    });
  });

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    count += 1;
    const id = createHash('sha256').update(`${seed}:${count}`).digest('hex').slice(0, 32);
    const [path = '', ...rest] = (incoming.url ?? '').split('?');
    const rawQuery = rest.join('?');
    const method = incoming.method ?? '';
    const headers = headersOf(incoming);
    const accessKey = parseAuthorization(headers.get('authorization') ?? '')?.accessKey ?? null;
    const entry = log.open({ id, method, path, query: rawQuery, accessKey, startedMs: clock.now() });
    const finish = () => {
      if (log.close(entry, clock.now())) {
        onLog?.(logLine(entry));
      }
    };
    response.on('close', finish);
    const { body, size } = await readBody(incoming);
    entry.bodyBytes = size;
    const route = ROUTES(method, path);
    const project = cloud.project(route?.params['project_id'] ?? '');
    const request: RawRequest = {
      id,
      method,
      path,
      rawQuery,
      headers,
      body: body ?? Buffer.alloc(0),
      gateway: project?.profile === 'otc' ? 'APIG' : 'APIGW',
    };
    const isControl = path.startsWith(CONTROL_PREFIX);
    const fault = isControl ? undefined : faults({ method, path, query: rawQuery, body: request.body.toString() });
    entry.fault = fault?.kind ?? null;
    const effects = effectsOf(fault, request);
    if (!isControl && cloud.latencyMs > 0) {
      await clock.sleep(cloud.latencyMs, stopping.signal);
    }
    if (effects.instead !== null) {
      deliver(id, effects.instead.answer, effects.instead.delivery, { entry, finish, response });
      return;
    }
    const answer = effects.alter(
      body === null ? gatewayError(request, 413, '0201', 'Request entity too large') : work(request, route, effects),
    );
    if (effects.delayMs > 0) {
      await clock.sleep(effects.delayMs, stopping.signal);
    }
    deliver(id, answer, effects.delivery, { entry, finish, response });
  }

  function work(request: RawRequest, found: ReturnType<typeof ROUTES>, effects: FaultEffects): ApiAnswer {
    if (found === null) {
      return noSuchApi(request);
    }
    const { route, params } = found;
    const now = clock.now() + effects.skewMs;
    try {
      const caller: Caller = route.access === 'signed' ? gateway.authenticate(request, now) : NOBODY;
      const query = new URLSearchParams(request.rawQuery);
      return route.handle({ ...request, params, query, caller, pageShift: effects.pageShift, now }, cloud);
    } catch (error) {
      if (error instanceof Refusal) {
        return error.answer;
      }
      throw error;
    }
  }

  const actualPort = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });

  return {
    url: `http://${host}:${actualPort}`,
    cloud,
    requests: log.entries,
    get changes() {
      return cloud.changes;
    },
    maxInFlight: log.maxInFlight,
    setFaults(next) {
      faults = compileFaults(next, seed);
    },
    close() {
      stopping.abort(new Error('the emulator stopped'));
      return new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      });
    },
  };
}

const NOBODY: Caller = { domainId: null, accessKey: null };

function compileFaults(faults: string | FaultPlan | FaultFunction | null, seed: number): FaultFunction {
  if (typeof faults === 'function') {
    return faults;
  }
  return faultFunction(typeof faults === 'string' ? parseFaults(faults) : (faults ?? []), seed);
}

function headersOf(incoming: IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    headers.set(name, (values ?? []).join(','));
  }
  return headers;
}

/** Reads the body, `null` when it is over the limit; the rest is read and dropped, so that the answer arrives. */
async function readBody(incoming: IncomingMessage): Promise<{ body: Buffer | null; size: number }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) {
      chunks.push(chunk);
    }
  }
  return { body: size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : null, size };
}

/** The request that an answer goes to. */
interface Exchange {
  readonly entry: OpenLogEntry;
  /** Ends the log entry. */
  readonly finish: () => void;
  readonly response: ServerResponse;
}

function deliver(requestId: string, answer: ApiAnswer | null, delivery: Delivery, exchange: Exchange): void {
  const { entry, finish, response } = exchange;
  if (delivery === 'none') {
    return;
  }
  if (delivery === 'reset' || answer === null) {
    finish();
    response.socket?.resetAndDestroy();
    return;
  }
  const { status, body, headers } = answer;
  const whole = Buffer.isBuffer(body) ? body : Buffer.from(body === undefined ? '' : (stringify(body) ?? ''));
  const content = delivery === 'truncated' ? whole.subarray(0, Math.ceil(whole.length / 2)) : whole;
  entry.status = status;
  response.writeHead(status, {
    ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': content.length }),
    'X-Request-Id': requestId,
    ...headers,
  });
  // Before the answer leaves, so that whoever has it finds the log complete.
  finish();
  response.end(content);
}

function logLine({ method, path, query, status, fault, startedMs, finishedMs }: RequestLogEntry): string {
  const target = query === '' ? path : `${path}?${query}`;
  const taken = (finishedMs ?? startedMs) - startedMs;
  return `${method} ${target} ${status ?? 'no answer'} ${taken} ms${fault === null ? '' : ` fault ${fault}`}`;
}
