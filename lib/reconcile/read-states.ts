/** Reads the states of connections back, by listing: many connections a call. Judges nothing. */
import type { EndpointServices } from '../cloud/endpoint-services.ts';
import type { Connection, ServiceRef } from '../core/connection.ts';

/** The connection as it is now; `null`: it is gone; `undefined`: the lists said nothing about it. */
export type SeenState = Connection | null | undefined;

/** The service whose connections to read. */
export interface StateSource {
  readonly port: EndpointServices;
  readonly ref: ServiceRef;
}

/** Up to this many connections are always read one by one: that costs no more than a page, and no listing can be longer. */
const ONE_BY_ONE_MAX = 2;
/** Up to this many are read one by one where a listing did not show them soon. */
const STRAGGLERS_MAX = 16;

/**
 * Returns what is known of the connections `endpointIds` of one service. Where `expected` says in which state they should be,
 * the list of that state is read first: of an old service it shows the latest changes first, and ends there.
 *
 * @throws CloudError when a call fails.
 */
export async function readStates(
  source: StateSource,
  endpointIds: readonly string[],
  signal: AbortSignal,
  expected?: 'accepted' | 'rejected',
): Promise<ReadonlyMap<string, SeenState>> {
  const seen = new Map<string, SeenState>();
  const wanted = new Set(endpointIds);
  if (wanted.size > ONE_BY_ONE_MAX) {
    // Beside a crowd of others, reading page after page would cost more than asking for each.
    const maxPages = Math.max(2, Math.ceil(wanted.size / 4));
    if (expected) await readList(source, { state: expected, maxPages }, wanted, seen, signal);
    if (wanted.size > STRAGGLERS_MAX) await readList(source, {}, wanted, seen, signal);
    else if (!expected) await readList(source, { maxPages }, wanted, seen, signal);
  }
  if (wanted.size > STRAGGLERS_MAX) return seen;
  for (const id of wanted) seen.set(id, await source.port.getConnection(source.ref.serviceId, id, { signal }));
  return seen;
}

/** Moves what a list shows from `wanted` to `seen`. Only a whole list of every state can say that something is gone. */
async function readList(
  { port, ref }: StateSource,
  filter: { readonly state?: 'accepted' | 'rejected'; readonly maxPages?: number },
  wanted: Set<string>,
  seen: Map<string, SeenState>,
  signal: AbortSignal,
): Promise<void> {
  const listing = await port.listConnections(ref.serviceId, { ...filter, wanted: new Set(wanted) }, { signal });
  for (const connection of listing.connections) {
    if (wanted.delete(connection.endpointId)) seen.set(connection.endpointId, connection);
  }
  if (!listing.isComplete || filter.state) return;
  for (const id of wanted) seen.set(id, null);
  wanted.clear();
}
