/** The CSS API's operations on clusters: list and show. */
import type { Cloud, CloudCluster } from './cloud.ts';
import { clusterOf, pageOf, projectOf } from './css-requests.ts';
import type { ApiAnswer, ApiRequest, Route } from './routes.ts';

const CLUSTERS = '/v1.0/{project_id}/clusters';

/** Operations on clusters. */
export const cssClusterRoutes: readonly Route[] = [
  { method: 'GET', path: CLUSTERS, access: 'signed', handle: listClusters },
  { method: 'GET', path: `${CLUSTERS}/{cluster_id}`, access: 'signed', handle: showCluster },
];

function listClusters(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const project = projectOf(request, cloud);
  const clusters = pageOf(request, project, project.clusters).map(clusterBody);
  return { status: 200, body: { totalSize: project.clusters.length, clusters } };
}

function showCluster(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { cluster } = clusterOf(request, cloud);
  return { status: 200, body: { ...clusterBody(cluster), supportVpcep: true } };
}

function clusterBody(cluster: CloudCluster): Record<string, unknown> {
  return {
    datastore: { type: 'elasticsearch', version: '7.10.2', supportSecuritymode: false },
    instances: [],
    // The real answers leave the time zone out.
    updated: cluster.updatedAt.replace('Z', ''),
    name: cluster.name,
    created: cluster.createdAt.replace('Z', ''),
    id: cluster.id,
    status: cluster.status,
    endpoint: '192.168.0.122:9200',
    vpcId: cluster.vpcId,
    httpsEnable: true,
    authorityEnable: true,
    actionProgress: cluster.isBusy ? { UPDATING: '50%' } : {},
    actions: cluster.isBusy ? ['UPDATING'] : [],
    enterpriseProjectId: '0',
    tags: [...cluster.tags].map(([key, value]) => ({ key, value })),
    period: false,
  };
}
