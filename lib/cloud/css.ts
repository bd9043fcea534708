/** The adapter for CSS (`/v1.0/{project_id}/clusters`): its clusters are the services. Says what to ask and what the answers mean; sending is the client's. */
import { UNKNOWN, type Unknown } from '../core/fact.ts';
import { incomplete, notSent, saysNotFound, unreadable } from './adapter-errors.ts';
import { UNKNOWN_ENDPOINT } from './answer-fields.ts';
import { askOnce } from './ask-once.ts';
import { CloudError } from './cloud-error.ts';
import { foundIn, isEnoughFor, listingOf } from './connection-listing.ts';
import { createCssDialect } from './css-action.ts';
import { readCluster, readClusters, readConnections, readWhitelist } from './css-answers.ts';
import { NO_SUCH_CLUSTER, NOT_ENABLED } from './css-codes.ts';
import { createCssLists } from './css-pages.ts';
import type {
  ActionAnswer,
  CallOptions,
  ConnectionFilter,
  ConnectionListing,
  EndpointServices,
  Whitelist,
} from './endpoint-services.ts';
import { isJsonObject } from './parse-json.ts';
import { type AdapterOptions, createProjectApi } from './project-api.ts';
import type { Query } from './sign.ts';

/** No page names a bound; a call must stay small enough to be answered in time. */
const ENDPOINTS_PER_ACTION = 50;

/** Returns the clusters of one project as endpoint services. */
export function createCss({ target, profile, baseUrl, http, ownDomainId }: AdapterOptions): EndpointServices {
  const { region, projectId } = target;
  const dialect = createCssDialect(profile);
  const readList = createCssLists();

  const { send, page } = createProjectApi({ http, baseUrl, projectId, root: ['v1.0', projectId, 'clusters'] });

  async function listConnections(
    clusterId: string,
    filter: ConnectionFilter,
    options: CallOptions,
  ): Promise<ConnectionListing> {
    const fetchPage = (query: Query) => page(connectionsOf(clusterId), query, readConnections, options);
    try {
      const read = await readList(fetchPage, ({ endpointId }) => endpointId, isEnoughFor(filter));
      return listingOf(read, filter.state);
    } catch (error) {
      if (saysNotEnabled(error)) return { connections: [], isComplete: true, pages: 1 };
      throw error;
    }
  }

  async function getDetail(clusterId: string, options: CallOptions) {
    try {
      const answer = await send({ method: 'GET', path: [clusterId] }, options);
      const { body } = answer;
      // Fail closed: tags of another cluster must never decide about this one.
      if (!isJsonObject(body) || (body['id'] !== undefined && body['id'] !== clusterId)) {
        throw unreadable(answer, whereOf([clusterId]), 'expected this cluster');
      }
      return readCluster(body, clusterId);
    } catch (error) {
      if (error instanceof CloudError && (error.hasCode(...NO_SUCH_CLUSTER) || saysNotFound(error))) return null;
      throw error;
    }
  }

  async function act(
    action: 'receive' | 'reject',
    clusterId: string,
    endpointIds: readonly string[],
    options: CallOptions,
  ): Promise<ActionAnswer> {
    const path = connectionsOf(clusterId);
    const { length } = endpointIds;
    if (length < 1 || length > ENDPOINTS_PER_ACTION) {
      throw notSent(
        'invalid-call',
        `POST …/clusters/${path.join('/')}`,
        `expected 1 to ${ENDPOINTS_PER_ACTION} ids, found ${length}`,
      );
    }
    const { attempts, requestIds } = await dialect.act({ action, endpointIds }, (body) =>
      send({ method: 'POST', path, body }, options),
    );
    // The answer is empty: whether the connections moved is for a later look.
    return { attempts, requestIds, connections: [] };
  }

  async function getWhitelist(clusterId: string, options: CallOptions): Promise<Whitelist | Unknown> {
    try {
      const path = connectionsOf(clusterId);
      return readWhitelist((await send({ method: 'GET', path, query: { limit: 1 } }, options)).body);
    } catch (error) {
      if (saysNotEnabled(error)) return { isOpen: false, domainIds: [], others: [] };
      if (error instanceof CloudError && (error.httpStatus === 403 || error.httpStatus === 404)) return UNKNOWN;
      throw error;
    }
  }

  return {
    kind: 'css',
    region,
    projectId,
    endpointsPerAction: ENDPOINTS_PER_ACTION,
    canDescribe: false,
    listConnections,
    getService: getDetail,
    getWhitelist,
    getOwnDomainId: askOnce(ownDomainId),
    takeNotices: () => dialect.takeNotices(),
    async listServices(options) {
      const fetchPage = (query: Query) => page([], query, readClusters, options);
      const read = await readList(fetchPage, ({ serviceId }) => serviceId);
      // Fail closed: a cluster that was missed would go ungoverned, and nobody would know.
      if (!read.isComplete) throw incomplete(whereOf([]), read.pages);
      return read.items;
    },
    async getServiceTags(clusterId, options) {
      return (await getDetail(clusterId, options))?.tags ?? UNKNOWN;
    },
    async getConnection(clusterId, endpointId, options) {
      const listing = await listConnections(clusterId, { wanted: new Set([endpointId]) }, options);
      return foundIn(listing, endpointId, whereOf(connectionsOf(clusterId)));
    },
    // Endpoints are VPCEP's: CSS has no call that shows one.
    getEndpoint: () => Promise.resolve(UNKNOWN_ENDPOINT),
    accept: (clusterId, endpointIds, options) => act('receive', clusterId, endpointIds, options),
    reject: (clusterId, endpointIds, options) => act('reject', clusterId, endpointIds, options),
    describeConnections: () => Promise.reject(notSent('not-supported', 'describe connections', 'CSS has no such call')),
    enableApproval: () => Promise.reject(notSent('not-supported', 'enable approval', 'CSS has no such switch')),
  };
}

function connectionsOf(clusterId: string): readonly string[] {
  return [clusterId, 'vpcepservice', 'connections'];
}

function whereOf(path: readonly string[]): string {
  return `GET …/${['clusters', ...path].join('/')}`;
}

function saysNotEnabled(error: unknown): boolean {
  return error instanceof CloudError && error.hasCode(NOT_ENABLED);
}
