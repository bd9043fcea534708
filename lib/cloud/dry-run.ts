/** Dry-run as a decorator around the port: reads go through, writes go nowhere. Decides nothing and logs nothing. */
import { CloudError } from './cloud-error.ts';
import type { EndpointServices } from './endpoint-services.ts';

/**
 * Returns `services` with every write rejected by a `CloudError` of code `dry-run`: nothing was sent, nothing has changed. A rejection,
 * because no caller can take it for success.
 */
export function withholdWrites(services: EndpointServices): EndpointServices {
  // Method by method instead of a spread: a write that is added to the port must be withheld here before this compiles.
  return {
    kind: services.kind,
    region: services.region,
    projectId: services.projectId,
    endpointsPerAction: services.endpointsPerAction,
    canDescribe: services.canDescribe,
    listServices: (options) => services.listServices(options),
    getService: (serviceId, options) => services.getService(serviceId, options),
    getServiceTags: (serviceId, options) => services.getServiceTags(serviceId, options),
    listConnections: (serviceId, filter, options) => services.listConnections(serviceId, filter, options),
    getConnection: (serviceId, endpointId, options) => services.getConnection(serviceId, endpointId, options),
    getEndpoint: (endpointId, options) => services.getEndpoint(endpointId, options),
    getWhitelist: (serviceId, options) => services.getWhitelist(serviceId, options),
    getOwnDomainId: (options) => services.getOwnDomainId(options),
    takeNotices: () => services.takeNotices?.() ?? [],
    accept: withhold('accept'),
    reject: withhold('reject'),
    describeConnections: withhold('describe connections'),
    enableApproval: withhold('enable approval'),
  };
}

function withhold(call: string): () => Promise<never> {
  return () =>
    Promise.reject(
      new CloudError(`${call}: withheld by dry-run`, {
        code: 'dry-run',
        retryable: false,
        effect: 'none',
        attempts: 0,
        requestIds: [],
      }),
    );
}
