/** Reads the states of connections back, by listing: many connections a call. Judges nothing. */
import { CloudError } from '../cloud/cloud-error.ts';
import type { EndpointServices } from '../cloud/endpoint-services.ts';
import type { Connection, ServiceRef } from '../core/connection.ts';

/** The connection as it is now; `null`: it is gone; `undefined`: it could not be read. */
export type SeenState = Connection | null | undefined;

/** Up to this many connections are read one by one: that costs no more than a page, and no listing can be longer. */
const ONE_BY_ONE_MAX = 2;

/** Returns what is known of the connections `endpointIds` of one service. A failing call leaves its connections out. */
export async function readStates(
  { port, ref }: { readonly port: EndpointServices; readonly ref: ServiceRef },
  endpointIds: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SeenState>> {
  const seen = new Map<string, SeenState>();
  try {
    if (endpointIds.length <= ONE_BY_ONE_MAX) {
      for (const id of endpointIds) seen.set(id, await port.getConnection(ref.serviceId, id, { signal }));
      return seen;
    }
    const wanted = new Set(endpointIds);
    const listing = await port.listConnections(ref.serviceId, { wanted }, { signal });
    for (const connection of listing.connections) {
      if (wanted.delete(connection.endpointId)) seen.set(connection.endpointId, connection);
    }
    if (listing.isComplete) for (const id of wanted) seen.set(id, null);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
  }
  return seen;
}
