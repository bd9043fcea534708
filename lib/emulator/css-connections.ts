/** The CSS API's operations on a cluster's connections: list, with the whitelist, and accept or reject. */
import { type Cloud, type CloudCluster, type CloudConnection, madeUpUuid } from './cloud.ts';
import { cssError, type CssErrorCode, refuse } from './css-errors.ts';
import { bodyOf, clusterOf, pageOf } from './css-requests.ts';
import type { ApiAnswer, ApiRequest, Route } from './routes.ts';

const CONNECTIONS = '/v1.0/{project_id}/clusters/{cluster_id}/vpcepservice/connections';

/** Operations on clusters' connections. */
export const cssConnectionRoutes: readonly Route[] = [
  { method: 'GET', path: CONNECTIONS, access: 'signed', handle: listConnections },
  { method: 'POST', path: CONNECTIONS, access: 'signed', handle: acceptOrReject },
];

function listConnections(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { project, cluster } = clusterOf(request, cloud);
  refuseDisabled(cluster);
  const found = cloud.connections({ serviceId: cluster.id });
  const connections = pageOf(request, project, found).map(connectionBody);
  return {
    status: 200,
    body: {
      connections,
      vpcepUpdateSwitch: false,
      total_count: found.length,
      vpcServiceName: `${project.region}.${cluster.name}.${madeUpUuid(`service:${cluster.id}`)}`,
      permissions: cluster.permissions.map((permission) => ({
        id: madeUpUuid(`permission:${cluster.id}:${permission}`),
        permission: permission === '*' ? '*' : `iam:domain::${permission}`,
        permission_type: 'domainId',
        created_at: cluster.createdAt,
      })),
    },
  };
}

/** Vendor pages 000 and 001: several endpoints a request, no body in the answer. All are checked before the first is changed. */
function acceptOrReject(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { project, cluster } = clusterOf(request, cloud);
  const { idsKey } = project.css;
  const body = bodyOf(request, ['action', idsKey]);
  const { action } = body;
  if (action !== 'receive' && action !== 'reject') {
    throw refuse('CSS.0001', 'Invalid parameter action.');
  }
  const ids = idsOf(body[idsKey], idsKey);
  refuseDisabled(cluster);
  if (cluster.status !== '200') {
    throw refuse('CSS.5090');
  }
  if (cluster.isBusy) {
    return cssError('CSS.0011');
  }
  const connections = ids.map((id) => connectionOf(cloud, cluster, id));
  const problem = connections.map(problemWith).find((code) => code !== null);
  if (problem !== undefined) {
    throw refuse(problem);
  }
  const cause = { requestId: request.id, accessKey: request.caller.accessKey };
  const wanted = action === 'receive' ? 'accepted' : 'rejected';
  for (const { id } of connections.filter(({ status }) => status !== wanted)) {
    if (action === 'receive') {
      cloud.accept(id, cause);
    } else {
      cloud.setStatus(id, 'rejected', cause);
    }
  }
  return { status: 200 };
}

function idsOf(value: unknown, name: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const ids = list.filter((id) => typeof id === 'string');
  if (ids.length === 0 || ids.length !== list.length) {
    throw refuse('CSS.0001', `Invalid parameter ${name}.`);
  }
  return ids;
}

function connectionOf(cloud: Cloud, cluster: CloudCluster, id: string): CloudConnection {
  const connection = cloud.connection(id);
  if (connection?.serviceId !== cluster.id) {
    throw refuse('CSS.0028');
  }
  return connection;
}

/**
 * Returns why neither accept nor reject is possible, or `null`: documented is that accepted connections can be rejected and rejected
 * ones accepted. [I] What is in the wanted state already stays there, without an error; what is on its way conflicts.
 */
function problemWith(connection: CloudConnection): CssErrorCode | null {
  if (connection.isFrozen) {
    return 'CSS.5301';
  }
  switch (connection.status) {
    case 'pendingAcceptance':
    case 'accepted':
    case 'rejected':
      return null;
    case 'creating':
    case 'deleting':
    case 'failed':
      return 'CSS.0029';
    default:
      return connection.status satisfies never;
  }
}

function refuseDisabled(cluster: CloudCluster): void {
  if (!cluster.isVpcepEnabled) {
    throw refuse('CSS.5182');
  }
}

function connectionBody(connection: CloudConnection): Record<string, unknown> {
  return {
    id: connection.id,
    status: connection.status,
    maxSession: '3000',
    specificationName: 'default',
    vpcepIp: '192.168.0.122',
    created_at: connection.createdAt,
    // The vendor's spelling; null until there was an update.
    update_at: connection.updatedAt === connection.createdAt ? null : connection.updatedAt,
    domain_id: connection.domainId,
  };
}
