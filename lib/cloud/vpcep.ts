/** The adapter for VPCEP (`/v1/{project_id}/vpc-endpoint-services`). Says what to ask and what the answers mean; sending is the client's. */
import type { Connection, TargetRef } from '../core/connection.ts';
import { UNKNOWN } from '../core/fact.ts';
import type { HttpRequest } from './call.ts';
import { CloudError } from './cloud-error.ts';
import type {
  ActionAnswer,
  CallOptions,
  CallTrace,
  ConnectionFilter,
  ConnectionListing,
  EndpointServices,
} from './endpoint-services.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import { isJsonObject } from './parse-json.ts';
import { readPages, type ListPage } from './read-pages.ts';
import type { Query } from './sign.ts';
import { readConnections, readEndpoint, readService, readServices, UNKNOWN_ENDPOINT } from './vpcep-answers.ts';
import { handlingOfCode, NO_READABLE_ENDPOINT, NO_SUCH_SERVICE } from './vpcep-codes.ts';

/** What an adapter needs. */
export interface VpcepOptions {
  readonly target: Omit<TargetRef, 'kind'>;
  /** See `vpcepUrl`; a target's own `endpoint` takes its place. */
  readonly baseUrl: URL;
  readonly http: HttpClient;
}

/** The most items of a page; the default would be ten. */
const PAGE_SIZE = 1000;

/** The vendor's words for the states by which a list can be filtered. */
const STATUS = { pending: 'pendingAcceptance', accepted: 'accepted', rejected: 'rejected', failed: 'failed' } as const;

/** Returns the endpoint services of one project. */
export function createVpcep({ target, baseUrl, http }: VpcepOptions): EndpointServices {
  const { region, projectId } = target;

  function send(
    request: Pick<HttpRequest, 'method' | 'query' | 'body'> & { readonly path: readonly string[] },
    options: CallOptions,
  ): Promise<HttpAnswer> {
    return http.request(
      {
        ...request,
        baseUrl,
        path: ['v1', projectId, ...request.path],
        projectId,
        repeat: request.method === 'GET' ? 'freely' : 'if-nothing-was-done',
        isRetryableCode: (code) => handlingOfCode(code) === 'retry',
      },
      options,
    );
  }

  /** Reads a list. No sort_key: Huawei Cloud and OTC spell its values differently, and a wrong one is a 400. */
  async function page<Item>(
    path: readonly string[],
    query: Query,
    read: (body: unknown) => ListPage<Item> | undefined,
    options: CallOptions,
  ): Promise<ListPage<Item>> {
    const answer = await send({ method: 'GET', path, query }, options);
    const items = read(answer.body);
    if (items === undefined) throw unreadable(answer, `GET …/${path.join('/')}`, 'expected a list');
    return items;
  }

  async function listConnections(
    serviceId: string,
    filter: ConnectionFilter & { readonly endpointId?: string },
    options: CallOptions,
  ): Promise<ConnectionListing> {
    const { state, wanted, endpointId } = filter;
    const query = {
      limit: PAGE_SIZE,
      ...(state === undefined ? {} : { status: STATUS[state] }),
      ...(endpointId === undefined ? {} : { id: endpointId }),
    };
    const path = ['vpc-endpoint-services', serviceId, 'connections'];
    const read = await readPages<Connection>(
      (offset) => page(path, { ...query, offset }, readConnections, options),
      (connection) => connection.endpointId,
      (seen) => wanted !== undefined && isSubset(wanted, seen),
    );
    // A cloud that ignores the filter would else have every connection judged as pending.
    const connections =
      state === undefined ? read.items : read.items.filter((connection) => connection.state === state);
    // Fail closed: one whose state cannot be read may be one that was asked for.
    const hasUnknown = state !== undefined && read.items.some((connection) => connection.state === 'unknown');
    return { connections, isComplete: read.isComplete && !hasUnknown, pages: read.pages };
  }

  async function getDetail(serviceId: string, options: CallOptions) {
    const path = ['vpc-endpoint-services', serviceId];
    try {
      const answer = await send({ method: 'GET', path }, options);
      const { body } = answer;
      // Fail closed: tags of another service must never decide about this one. An answer without an id is the one we asked for.
      if (!isJsonObject(body) || (body['id'] !== undefined && body['id'] !== serviceId)) {
        throw unreadable(answer, `GET …/${path.join('/')}`, 'expected this service');
      }
      return readService(body, serviceId);
    } catch (error) {
      if (error instanceof CloudError && saysNoSuchService(error)) return null;
      throw error;
    }
  }

  async function act(
    action: 'receive' | 'reject',
    serviceId: string,
    endpointId: string,
    options: CallOptions,
  ): Promise<ActionAnswer> {
    const path = ['vpc-endpoint-services', serviceId, 'connections', 'action'];
    const { attempts, requestIds, body } = await send(
      { method: 'POST', path, body: { action, endpoints: [endpointId] } },
      options,
    );
    // The vendor's own example answers with another id than was asked for: such a connection says nothing about ours.
    const connection = readConnections(body)?.items.find((item) => item?.endpointId === endpointId) ?? null;
    return { attempts, requestIds, connection };
  }

  return {
    kind: 'vpcep',
    region,
    projectId,
    listConnections,
    getService: getDetail,
    async listServices(options) {
      const path = ['vpc-endpoint-services'];
      const read = await readPages(
        (offset) => page(path, { limit: PAGE_SIZE, offset }, readServices, options),
        (service) => service.serviceId,
      );
      // Fail closed: a service that was missed would go ungoverned, and nobody would know.
      if (!read.isComplete) throw incomplete('GET …/vpc-endpoint-services', read.pages);
      return read.items;
    },
    // No page documents a call for the tags of one service; the detail carries them.
    async getServiceTags(serviceId, options) {
      return (await getDetail(serviceId, options))?.tags ?? UNKNOWN;
    },
    async getConnection(serviceId, endpointId, options) {
      const wanted = new Set([endpointId]);
      const { connections, isComplete, pages } = await listConnections(serviceId, { endpointId, wanted }, options);
      const found = connections.find((connection) => connection.endpointId === endpointId);
      if (found !== undefined) return found;
      // "Not there" may only be said of a list that was seen whole.
      if (!isComplete) throw incomplete(`GET …/vpc-endpoint-services/${serviceId}/connections`, pages);
      return null;
    },
    async getEndpoint(endpointId, options) {
      try {
        const { body } = await send({ method: 'GET', path: ['vpc-endpoints', endpointId] }, options);
        return readEndpoint(body, endpointId);
      } catch (error) {
        if (error instanceof CloudError && saysNotReadable(error)) return UNKNOWN_ENDPOINT;
        throw error;
      }
    },
    accept: (serviceId, endpointId, options) => act('receive', serviceId, endpointId, options),
    reject: (serviceId, endpointId, options) => act('reject', serviceId, endpointId, options),
    async enableApproval(serviceId, options): Promise<CallTrace> {
      const path = ['vpc-endpoint-services', serviceId];
      const { attempts, requestIds } = await send({ method: 'PUT', path, body: { approval_enabled: true } }, options);
      return { attempts, requestIds };
    },
  };
}

/** A 404 of the gateway means that the host or path is wrong, not that the service is gone. */
function saysNoSuchService(error: CloudError): boolean {
  return error.hasCode(...NO_SUCH_SERVICE) || (error.httpStatus === 404 && !/^apigw?\./i.test(error.code));
}

function saysNotReadable(error: CloudError): boolean {
  return error.hasCode(...NO_READABLE_ENDPOINT) || error.httpStatus === 403 || error.httpStatus === 404;
}

function isSubset(wanted: ReadonlySet<string>, seen: ReadonlyMap<string, unknown>): boolean {
  for (const id of wanted) if (!seen.has(id)) return false;
  return true;
}

/** A 2xx answer to a read that is JSON and yet not what the API documents. */
function unreadable(answer: HttpAnswer, where: string, expected: string): CloudError {
  return new CloudError(`${where}: ${answer.status}: the answer is not what the API documents: ${expected}`, {
    code: 'unreadable',
    httpStatus: answer.status,
    retryable: true,
    effect: 'none',
    attempts: answer.attempts,
    requestIds: answer.requestIds,
  });
}

function incomplete(where: string, pages: number): CloudError {
  return new CloudError(
    `${where}: the list changed while it was read, or holds items without an id (${pages} pages read)`,
    {
      code: 'unreadable',
      retryable: true,
      effect: 'none',
      attempts: pages,
      requestIds: [],
    },
  );
}
