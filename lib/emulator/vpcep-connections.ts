/** The VPCEP API's operations on connections: list, accept or reject, describe, and the consumer's endpoint. */
import type { Cloud, CloudConnection, CloudService } from './cloud.ts';
import { noSuchApi } from './gateway.ts';
import { type ApiAnswer, type ApiRequest, Refusal, type Route } from './routes.ts';
import { refuse, type VpcepErrorCode } from './vpcep-errors.ts';
import {
  arrayOf,
  bodyOf,
  objectWith,
  optionOf,
  pageOf,
  projectOf,
  serviceOf,
  sorted,
  sortOf,
  textOf,
} from './vpcep-requests.ts';
import { tagList } from './vpcep-services.ts';

const CONNECTIONS = '/v1/{project_id}/vpc-endpoint-services/{service_id}/connections';

/** Operations on connections. */
export const vpcepConnectionRoutes: readonly Route[] = [
  { method: 'GET', path: CONNECTIONS, access: 'signed', handle: listConnections },
  { method: 'POST', path: `${CONNECTIONS}/action`, access: 'signed', handle: acceptOrReject },
  { method: 'PUT', path: `${CONNECTIONS}/description`, access: 'signed', handle: describeConnections },
  { method: 'GET', path: '/v1/{project_id}/vpc-endpoints/{endpoint_id}', access: 'signed', handle: showEndpoint },
];

function listConnections(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { project, service } = serviceOf(request, cloud);
  const sort = sortOf(request, project);
  const status = optionOf(request, 'status', ['pendingAcceptance', 'accepted', 'rejected', 'failed'], 'EndPoint.0019');
  const id = request.query.get('id');
  const markerId = request.query.get('marker_id');
  if (markerId !== null && !/^\d{1,19}$/.test(markerId)) {
    throw refuse('EndPoint.0021');
  }
  // By id there is at most one: that question must not cost a walk over ten thousand others.
  const candidates = id === null ? cloud.connections({ serviceId: service.id }) : oneOf(cloud, service, id);
  const found =
    status === null && markerId === null
      ? candidates
      : candidates.filter(
          (row) => (status ?? row.status) === row.status && (markerId ?? row.markerId) === row.markerId,
        );
  const page = pageOf(request, sorted(found, sort), 1_000);
  const connections = page.map((connection) => connectionBody(connection, project.profile));
  return { status: 200, body: { connections, total_count: found.length } };
}

function oneOf(cloud: Cloud, service: CloudService, id: string): readonly CloudConnection[] {
  const connection = cloud.connection(id);
  return connection?.serviceId === service.id ? [connection] : [];
}

/** Vendor page 002: exactly one endpoint per request. */
function acceptOrReject(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { project, service } = serviceOf(request, cloud);
  const { action, endpoints } = bodyOf(request, ['action', 'endpoints']);
  if (action !== 'receive' && action !== 'reject') {
    throw refuse('EndPoint.0007');
  }
  const ids = arrayOf(endpoints, 0, Number.POSITIVE_INFINITY).map((id) => textOf(id));
  const [endpointId] = ids;
  if (endpointId === undefined || ids.length !== 1) {
    throw refuse('EndPoint.2031');
  }
  if (service.status !== 'available') {
    throw refuse('EndPoint.2004');
  }
  const before = connectionOf(cloud, service, endpointId);
  const problem = problemWith(action, before);
  if (problem !== null) {
    throw refuse(problem);
  }
  const cause = { requestId: request.id, accessKey: request.caller.accessKey };
  const after = action === 'receive' ? cloud.accept(endpointId, cause) : cloud.setStatus(endpointId, 'rejected', cause);
  return { status: 200, body: { connections: [connectionBody(after, project.profile)] } };
}

/**
 * Returns why the action is not possible, or `null`:
 *
 * | status            | receive            | reject             |
 * | ----------------- | ------------------ | ------------------ |
 * | pendingAcceptance | accepted           | rejected           |
 * | accepted          | EndPoint.2014      | rejected           |
 * | rejected          | accepted           | EndPoint.2027 [I]  |
 * | creating          | EndPoint.2019      | EndPoint.2019      |
 * | deleting          | EndPoint.2018      | EndPoint.2018      |
 * | failed            | EndPoint.2047      | EndPoint.2047      |
 * | frozen, any       | EndPoint.2015      | EndPoint.2015      |
 *
 * [I] The documents do not say what rejecting a rejected connection gives; 2027 is their code for an action that does not fit.
 */
function problemWith(action: 'receive' | 'reject', connection: CloudConnection): VpcepErrorCode | null {
  if (connection.isFrozen) {
    return 'EndPoint.2015';
  }
  switch (connection.status) {
    case 'pendingAcceptance':
      return null;
    case 'accepted':
      return action === 'receive' ? 'EndPoint.2014' : null;
    case 'rejected':
      return action === 'receive' ? null : 'EndPoint.2027';
    case 'creating':
      return 'EndPoint.2019';
    case 'deleting':
      return 'EndPoint.2018';
    case 'failed':
      return 'EndPoint.2047';
    default:
      return connection.status satisfies never;
  }
}

function describeConnections(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { project, service } = serviceOf(request, cloud);
  if (project.profile === 'otc') {
    throw new Refusal(noSuchApi(request));
  }
  const { connections } = bodyOf(request, ['connections']);
  // All are read before the first is changed: a request that is refused has done nothing.
  const wanted = arrayOf(connections, 1, 1_000).map((item) => {
    const { id, description } = objectWith(item, ['id', 'description']);
    return {
      connection: connectionOf(cloud, service, textOf(id)),
      description: textOf(description, (text) => text.length <= 512 && !/[<>]/.test(text)),
    };
  });
  const described = wanted.map(({ connection, description }) => cloud.describe(connection.id, description));
  return { status: 200, body: { connections: described.map((row) => connectionBody(row, project.profile)) } };
}

/** Only the owner's project can read an endpoint; for anybody else it does not exist. */
function showEndpoint(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const project = projectOf(request, cloud);
  const connection = cloud.connection(request.params['endpoint_id'] ?? '');
  const service = connection === undefined ? undefined : cloud.service(connection.serviceId);
  if (connection?.endpoint?.projectId !== project.projectId || service === undefined) {
    throw refuse('EndPoint.2006');
  }
  const { endpoint } = connection;
  return {
    status: 200,
    body: {
      id: connection.id,
      service_type: 'interface',
      status: connection.status,
      active_status: [connection.isFrozen ? 'frozen' : 'active'],
      enable_status: 'enable',
      endpoint_service_name: service.name,
      endpoint_service_id: service.id,
      marker_id: BigInt(connection.markerId),
      enable_dns: false,
      dns_names: [],
      vpc_id: endpoint.vpcId,
      created_at: connection.createdAt,
      updated_at: connection.updatedAt,
      project_id: endpoint.projectId,
      tags: tagList(endpoint.tags),
      whitelist: [],
      enable_whitelist: false,
      routetables: [],
      description: '',
    },
  };
}

function connectionOf(cloud: Cloud, service: CloudService, endpointId: string): CloudConnection {
  const connection = cloud.connection(endpointId);
  if (connection === undefined) {
    throw refuse('EndPoint.2006');
  }
  if (connection.serviceId !== service.id) {
    throw refuse('EndPoint.2013');
  }
  return connection;
}

function connectionBody(connection: CloudConnection, profile: 'huaweicloud' | 'otc'): Record<string, unknown> {
  return {
    id: connection.id,
    // A JSON integer that may exceed 2^53: a number here would lose its last digits.
    marker_id: BigInt(connection.markerId),
    created_at: connection.createdAt,
    updated_at: connection.updatedAt,
    domain_id: connection.domainId,
    status: connection.status,
    ...(connection.status === 'failed' ? { error: [FAILURE] } : {}),
    ...(profile === 'otc' ? {} : { description: connection.description }),
  };
}

const FAILURE = { error_code: 'EndPoint.0', error_message: 'the VPC endpoint could not be created' };
