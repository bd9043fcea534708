/** The adapter for VPCEP (`/v1/{project_id}/vpc-endpoint-services`). Says what to ask and what the answers mean; sending is the client's. */
import type { Connection } from '../core/connection.ts';
import { UNKNOWN, type Unknown } from '../core/fact.ts';
import { incomplete, notSent, saysNotFound, unreadable } from './adapter-errors.ts';
import { UNKNOWN_ENDPOINT, whitelistOf } from './answer-fields.ts';
import { askOnce } from './ask-once.ts';
import { CloudError } from './cloud-error.ts';
import { foundIn, isEnoughFor, listingOf } from './connection-listing.ts';
import type {
  ActionAnswer,
  CallOptions,
  CallTrace,
  ConnectionFilter,
  ConnectionListing,
  EndpointServices,
  Whitelist,
} from './endpoint-services.ts';
import { isJsonObject } from './parse-json.ts';
import { type AdapterOptions, createProjectApi } from './project-api.ts';
import { readPages } from './read-pages.ts';
import { readConnections, readEndpoint, readPermissions, readService, readServices } from './vpcep-answers.ts';
import { NO_READABLE_ENDPOINT, NO_SUCH_SERVICE } from './vpcep-codes.ts';

/** The most items of a page; the default would be ten. */
const PAGE_SIZE = 1000;
/** The most entries of a page of the whitelist. */
const PERMISSIONS_PAGE_SIZE = 500;
/** No page names a bound; a call must stay small enough to be answered in time. */
const DESCRIPTIONS_PER_CALL = 50;

/** The vendor's words for the states by which a list can be filtered. */
const STATUS = { pending: 'pendingAcceptance', accepted: 'accepted', rejected: 'rejected', failed: 'failed' } as const;

/** Returns the endpoint services of one project. */
export function createVpcep({ target, profile, baseUrl, http, ownDomainId }: AdapterOptions): EndpointServices {
  const { region, projectId } = target;
  const canDescribe = profile === 'huaweicloud';

  // No list takes a sort_key: Huawei Cloud and OTC spell its values differently, and a wrong one is a 400.
  const { send, page } = createProjectApi({ http, baseUrl, projectId, root: ['v1', projectId] });

  async function listConnections(
    serviceId: string,
    filter: ConnectionFilter & { readonly endpointId?: string },
    options: CallOptions,
  ): Promise<ConnectionListing> {
    const { state, endpointId } = filter;
    const query = {
      limit: PAGE_SIZE,
      ...(state === undefined ? {} : { status: STATUS[state] }),
      ...(endpointId === undefined ? {} : { id: endpointId }),
    };
    const path = ['vpc-endpoint-services', serviceId, 'connections'];
    const read = await readPages<Connection>(
      (offset) => page(path, { ...query, offset }, readConnections, options),
      (connection) => connection.endpointId,
      isEnoughFor(filter),
    );
    return listingOf(read, state);
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
    endpointIds: readonly string[],
    options: CallOptions,
  ): Promise<ActionAnswer> {
    const path = ['vpc-endpoint-services', serviceId, 'connections', 'action'];
    if (endpointIds.length !== 1) {
      throw notSent('invalid-call', `POST …/${path.join('/')}`, `expected one id, found ${endpointIds.length}`);
    }
    const { attempts, requestIds, body } = await send(
      { method: 'POST', path, body: { action, endpoints: endpointIds } },
      options,
    );
    // The vendor's own example answers with another id than was asked for: such a connection says nothing about ours.
    const items = readConnections(body)?.items ?? [];
    const ours = items.filter((item) => item !== null).filter((item) => endpointIds.includes(item.endpointId));
    return { attempts, requestIds, connections: ours };
  }

  async function describeConnections(
    serviceId: string,
    descriptions: ReadonlyMap<string, string>,
    options: CallOptions,
  ): Promise<CallTrace> {
    const path = ['vpc-endpoint-services', serviceId, 'connections', 'description'];
    const where = `PUT …/${path.join('/')}`;
    if (!canDescribe) throw notSent('not-supported', where, `profile \`${profile}\` has no such call`);
    const all = [...descriptions].map(([id, description]) => ({ id, description }));
    if (!all.every(({ description }) => isDescription(description))) {
      throw notSent('invalid-call', where, 'expected at most 512 characters, none of them `<` or `>`');
    }
    let attempts = 0;
    const requestIds: string[] = [];
    for (let from = 0; from < all.length; from += DESCRIPTIONS_PER_CALL) {
      const connections = all.slice(from, from + DESCRIPTIONS_PER_CALL);
      const answer = await send({ method: 'PUT', path, body: { connections } }, options);
      attempts += answer.attempts;
      requestIds.push(...answer.requestIds);
    }
    return { attempts, requestIds };
  }

  async function getWhitelist(serviceId: string, options: CallOptions): Promise<Whitelist | Unknown> {
    const path = ['vpc-endpoint-services', serviceId, 'permissions'];
    try {
      const read = await readPages(
        (offset) => page(path, { limit: PERMISSIONS_PAGE_SIZE, offset }, readPermissions, options),
        (permission) => permission,
      );
      // Fail closed: the entry that was missed may be the one that lets everybody in.
      return read.isComplete ? whitelistOf(read.items) : UNKNOWN;
    } catch (error) {
      if (error instanceof CloudError && saysNotReadable(error)) return UNKNOWN;
      throw error;
    }
  }

  return {
    kind: 'vpcep',
    region,
    projectId,
    endpointsPerAction: 1,
    canDescribe,
    listConnections,
    getService: getDetail,
    describeConnections,
    getWhitelist,
    getOwnDomainId: askOnce(ownDomainId),
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
      const listing = await listConnections(serviceId, { endpointId, wanted }, options);
      return foundIn(listing, endpointId, `GET …/vpc-endpoint-services/${serviceId}/connections`);
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
    accept: (serviceId, endpointIds, options) => act('receive', serviceId, endpointIds, options),
    reject: (serviceId, endpointIds, options) => act('reject', serviceId, endpointIds, options),
    async enableApproval(serviceId, options): Promise<CallTrace> {
      const path = ['vpc-endpoint-services', serviceId];
      const { attempts, requestIds } = await send({ method: 'PUT', path, body: { approval_enabled: true } }, options);
      return { attempts, requestIds };
    },
  };
}

/** Documented: at most 512 characters, none of these two. */
function isDescription(text: string): boolean {
  return text.length <= 512 && !/[<>]/.test(text);
}

function saysNoSuchService(error: CloudError): boolean {
  return error.hasCode(...NO_SUCH_SERVICE) || saysNotFound(error);
}

function saysNotReadable(error: CloudError): boolean {
  return error.hasCode(...NO_READABLE_ENDPOINT) || error.httpStatus === 403 || error.httpStatus === 404;
}
