/** A port to a cloud in memory, scripted by the test. Refuses what a real cloud refuses; knows nothing of HTTP. */
import { CloudError, type CloudErrorDetails } from '../../lib/cloud/cloud-error.ts';
import type {
  ActionAnswer,
  CallOptions,
  CloudNotice,
  ConnectionListing,
  EndpointServices,
  Whitelist,
} from '../../lib/cloud/endpoint-services.ts';
import type { Connection, ConnectionState, Endpoint, Service } from '../../lib/core/connection.ts';
import { UNKNOWN, type Unknown } from '../../lib/core/fact.ts';

/** Every method that a run may call. */
export type PortMethod = Exclude<
  keyof EndpointServices,
  'kind' | 'region' | 'projectId' | 'endpointsPerAction' | 'canDescribe' | 'takeNotices'
>;

/** One call of the port. */
export interface PortCall {
  readonly method: PortMethod;
  readonly serviceId: string | null;
  /** Of an accept or reject of several: all of them, with commas. */
  readonly endpointId: string | null;
  /** The filter's state, for lists of connections. */
  readonly state: string | null;
  readonly signal: AbortSignal;
}

/** One change that a call of the port caused. */
export interface Effect {
  readonly serviceId: string;
  readonly endpointId: string;
  readonly from: ConnectionState;
  readonly to: ConnectionState;
}

export interface FakeService {
  readonly service: Service;
  readonly connections: readonly Connection[];
}

export interface FakeServices extends EndpointServices {
  readonly calls: PortCall[];
  readonly effects: Effect[];
  /** Runs before each call does its work; what it throws is what the caller gets, and nothing was done. */
  before: (call: PortCall) => void | Promise<void>;
  /** Runs after the work; what it throws is what the caller gets although the work was done. */
  after: (call: PortCall) => void | Promise<void>;
  /** The state an accept leads to. */
  acceptedState: ConnectionState;
  /** Changes what the next listing says. */
  alterListing: (listing: ConnectionListing, call: PortCall) => ConnectionListing;
  readonly endpoints: Map<string, Endpoint>;
  readonly whitelists: Map<string, Whitelist>;
  /** What was written with `describeConnections`, by endpoint id. */
  readonly descriptions: Map<string, string>;
  ownDomainId: string | Unknown;
  /** Handed out by `takeNotices`. */
  readonly notices: CloudNotice[];
  /** Tags for `getServiceTags`. */
  readonly tags: Map<string, Service['tags']>;
  stateOf(endpointId: string): ConnectionState | null;
  setState(endpointId: string, state: ConnectionState): void;
  remove(endpointId: string): void;
  add(serviceId: string, connection: Connection): void;
  setApproval(serviceId: string, isOn: boolean): void;
}

export interface FakeServicesOptions {
  readonly kind?: EndpointServices['kind'];
  readonly projectId?: string;
  /** Default: 1, as in VPCEP. */
  readonly endpointsPerAction?: number;
  /** The only methods that may be called. Default: all. */
  readonly allowed?: readonly PortMethod[];
}

/** Returns a connection as a cloud shows it. The domain is `d1` unless said otherwise. */
export function connectionOf(endpointId: string, change: Partial<Connection> = {}): Connection {
  const base = {
    endpointId,
    state: 'pending' as const,
    domainId: 'd1',
    markerId: '1',
    description: null,
    createdAt: '2026-11-21T12:00:00Z',
    ...change,
  };
  const record = { id: endpointId, status: base.state };
  return { ...base, record: change.record ?? record };
}

/** Returns a service that waits for approval and has no tags. */
export function serviceOf(serviceId: string, change: Partial<Service> = {}): Service {
  return {
    serviceId,
    name: `name-${serviceId}`,
    serverType: 'VM',
    tags: new Map(),
    approvalEnabled: true,
    ...change,
  };
}

/** Returns the error of a call that failed: by default one that the cloud refused for good. */
export function cloudError(code: string, details: Partial<CloudErrorDetails> = {}): CloudError {
  return new CloudError(`the cloud said ${code}`, {
    code,
    retryable: false,
    effect: 'none',
    attempts: 1,
    requestIds: [`request-${code}`],
    ...details,
  });
}

/** The error of an accept or reject whose answer never came. */
export function lostAnswer(code: 'network' | 'timeout' = 'network'): CloudError {
  return cloudError(code, { effect: 'unknown', retryable: true });
}

/** Never answers; fails as the real client does when the run has no time left. */
export function hang(signal: AbortSignal, effect: 'none' | 'unknown' = 'none'): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(cloudError('deadline', { effect, retryable: true, requestIds: [] }));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

function calling(
  method: PortMethod,
  { signal }: CallOptions,
  at: { readonly serviceId?: string; readonly endpointId?: string; readonly state?: string | undefined } = {},
): PortCall {
  return {
    method,
    serviceId: at.serviceId ?? null,
    endpointId: at.endpointId ?? null,
    state: at.state ?? null,
    signal,
  };
}

/** Returns a port to these services. */
export function fakeServices(services: readonly FakeService[], options: FakeServicesOptions = {}): FakeServices {
  const { kind = 'vpcep', projectId = 'p1', endpointsPerAction = 1, allowed } = options;
  const byId = new Map(services.map(({ service }) => [service.serviceId, service]));
  const connections = new Map(
    services.map(({ service, connections: own }) => [service.serviceId, new Map(own.map((c) => [c.endpointId, c]))]),
  );

  async function call<T>(made: PortCall, work: () => T): Promise<T> {
    if (allowed !== undefined && !allowed.includes(made.method))
      throw new TypeError(`${made.method} must not be called`);
    fake.calls.push(made);
    // A real port answers in a later turn, and not after the end of the run.
    await Promise.resolve();
    if (made.signal.aborted) throw cloudError('deadline', { retryable: true, attempts: 0, requestIds: [] });
    await fake.before(made);
    const result = work();
    await fake.after(made);
    return result;
  }

  function ofService(serviceId: string): Map<string, Connection> {
    const own = connections.get(serviceId);
    if (own === undefined) throw cloudError('EndPoint.2003', { httpStatus: 400 });
    return own;
  }

  function place(endpointId: string): { readonly serviceId: string; readonly connection: Connection } | null {
    for (const [serviceId, own] of connections) {
      const connection = own.get(endpointId);
      if (connection !== undefined) return { serviceId, connection };
    }
    return null;
  }

  function change(endpointId: string, to: ConnectionState): Connection {
    const found = place(endpointId);
    if (found === null) throw new TypeError(`no connection ${endpointId}`);
    const connection = { ...found.connection, state: to, record: { ...found.connection.record, status: to } };
    connections.get(found.serviceId)?.set(endpointId, connection);
    return connection;
  }

  function act(serviceId: string, endpointIds: readonly string[], wanted: 'accepted' | 'rejected'): ActionAnswer {
    if (endpointIds.length === 0 || endpointIds.length > endpointsPerAction)
      throw new TypeError('too many ids, or none');
    // All or nothing, like the real one: the first that cannot be done refuses the call.
    for (const endpointId of endpointIds) assertCan(serviceId, endpointId, wanted);
    const connections = endpointIds.map((endpointId) => {
      const to = wanted === 'accepted' ? fake.acceptedState : wanted;
      const from = place(endpointId)?.connection.state ?? 'unknown';
      fake.effects.push({ serviceId, endpointId, from, to });
      return change(endpointId, to);
    });
    return { attempts: 1, requestIds: endpointIds.map((endpointId) => `request-${endpointId}`), connections };
  }

  function assertCan(serviceId: string, endpointId: string, wanted: 'accepted' | 'rejected'): void {
    const connection = ofService(serviceId).get(endpointId);
    if (connection === undefined) throw cloudError('EndPoint.2006', { httpStatus: 400 });
    const { state: from } = connection;
    if (from === 'creating') throw cloudError('EndPoint.2019', { httpStatus: 400 });
    if (from === wanted) {
      throw cloudError(wanted === 'accepted' ? 'EndPoint.2014' : 'EndPoint.2027', { httpStatus: 400 });
    }
  }

  const fake: FakeServices = {
    kind,
    region: 'eu-de',
    projectId,
    endpointsPerAction,
    canDescribe: kind === 'vpcep',
    calls: [],
    notices: [],
    whitelists: new Map(),
    descriptions: new Map(),
    ownDomainId: UNKNOWN,
    effects: [],
    before: () => {},
    after: () => {},
    acceptedState: 'accepted',
    alterListing: (listing) => listing,
    endpoints: new Map(),
    tags: new Map(),
    stateOf: (endpointId) => place(endpointId)?.connection.state ?? null,
    setState(endpointId, state) {
      change(endpointId, state);
    },
    remove(endpointId) {
      connections.get(place(endpointId)?.serviceId ?? '')?.delete(endpointId);
    },
    add(serviceId, connection) {
      connections.get(serviceId)?.set(connection.endpointId, connection);
    },
    setApproval(serviceId, isOn) {
      byId.set(serviceId, { ...(byId.get(serviceId) ?? serviceOf(serviceId)), approvalEnabled: isOn });
    },
    listServices: (options) => call(calling('listServices', options), () => [...byId.values()]),
    getService: (serviceId, options) =>
      call(calling('getService', options, { serviceId }), () => byId.get(serviceId) ?? null),
    getServiceTags: (serviceId, options) =>
      call(calling('getServiceTags', options, { serviceId }), () => fake.tags.get(serviceId) ?? UNKNOWN),
    listConnections(serviceId, filter, options) {
      const made = calling('listConnections', options, { serviceId, state: filter.state });
      return call(made, () => {
        const all = [...ofService(serviceId).values()];
        const listed = filter.state === undefined ? all : all.filter(({ state }) => state === filter.state);
        const pages = Math.max(1, Math.ceil(listed.length / 1_000));
        return fake.alterListing({ connections: listed, isComplete: true, pages }, made);
      });
    },
    getConnection: (serviceId, endpointId, options) =>
      call(
        calling('getConnection', options, { serviceId, endpointId }),
        () => ofService(serviceId).get(endpointId) ?? null,
      ),
    getEndpoint: (endpointId, options) =>
      call(
        calling('getEndpoint', options, { endpointId }),
        () => fake.endpoints.get(endpointId) ?? { vpcId: UNKNOWN, projectId: UNKNOWN, tags: UNKNOWN },
      ),
    accept: (serviceId, endpointIds, options) =>
      call(calling('accept', options, { serviceId, endpointId: endpointIds.join(',') }), () =>
        act(serviceId, endpointIds, 'accepted'),
      ),
    reject: (serviceId, endpointIds, options) =>
      call(calling('reject', options, { serviceId, endpointId: endpointIds.join(',') }), () =>
        act(serviceId, endpointIds, 'rejected'),
      ),
    describeConnections: (serviceId, descriptions, options) =>
      call(
        calling('describeConnections', options, { serviceId, endpointId: [...descriptions.keys()].join(',') }),
        () => {
          for (const [endpointId, text] of descriptions) fake.descriptions.set(endpointId, text);
          return { attempts: 1, requestIds: [`request-${serviceId}`] };
        },
      ),
    getWhitelist: (serviceId, options) =>
      call(calling('getWhitelist', options, { serviceId }), () => fake.whitelists.get(serviceId) ?? UNKNOWN),
    getOwnDomainId: (options) => call(calling('getOwnDomainId', options), () => fake.ownDomainId),
    takeNotices: () => fake.notices.splice(0),
    enableApproval: (serviceId, options) =>
      call(calling('enableApproval', options, { serviceId }), () => {
        fake.setApproval(serviceId, true);
        return { attempts: 1, requestIds: [`request-${serviceId}`] };
      }),
  };
  return fake;
}

/** The calls of some methods, as `method endpoint-or-service`. */
export function callsOf({ calls }: FakeServices, ...methods: readonly PortMethod[]): readonly string[] {
  return calls
    .filter(({ method }) => methods.includes(method))
    .map(({ method, endpointId, serviceId }) => [method, endpointId ?? serviceId].filter(Boolean).join(' '));
}
