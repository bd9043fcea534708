/** Looks into the local cloud for people, outside any API and without a signature: the emulator answers on loopback only. Changes nothing. */
import type { Route } from './routes.ts';

/** Where control routes begin. Faults and latency spare everything below it. */
export const CONTROL_PREFIX = '/__emulator/';

/** What happened and what is. */
export const controlRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: `${CONTROL_PREFIX}changes`,
    access: 'open',
    handle: (_request, cloud) => ({ status: 200, body: { changes: cloud.changes } }),
  },
  {
    method: 'GET',
    path: `${CONTROL_PREFIX}connections`,
    access: 'open',
    handle: (_request, cloud) => {
      const connections = cloud.connections().map(({ endpoint, ...connection }) => {
        const { projectId, vpcId, tags } = endpoint ?? {};
        return { ...connection, endpoint: endpoint && { projectId, vpcId, tags: Object.fromEntries(tags ?? []) } };
      });
      return { status: 200, body: { connections } };
    },
  },
];
