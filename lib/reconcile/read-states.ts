/** Reads the states of connections back, by listing: many connections a call. Judges nothing. */
import pMap from 'p-map';
import type { ConnectionListing, EndpointServices } from '../cloud/endpoint-services.ts';
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
/** Up to this many that no list showed are asked for one by one. */
const STRAGGLERS_MAX = 16;
const PAGE_SIZE = 1_000;
const ONE_BY_ONE_AT_ONCE = 8;

/**
 * Returns what is known of the connections `endpointIds` of one service. Where `expected` says in which state they should be,
 * the list of that state is read first: its first page mostly shows them all. Beside a crowd of others, where the rest of a
 * list has more pages than there are connections to find, each is asked for by itself.
 *
 * @throws CloudError when a call fails.
 */
export async function readStates(
  source: StateSource,
  endpointIds: readonly string[],
  signal: AbortSignal,
  expected?: 'accepted' | 'rejected',
): Promise<ReadonlyMap<string, SeenState>> {
  const search: Search = { source, signal, wanted: new Set(endpointIds), seen: new Map() };
  const isOneByOne = search.wanted.size <= ONE_BY_ONE_MAX;
  if (!isOneByOne && expected) await searchState(search, expected);
  const isForList = search.wanted.size > STRAGGLERS_MAX || (!isOneByOne && !expected && search.wanted.size > 0);
  const isTooLong = isForList && (await isTooLongToSearch(search));
  if (search.wanted.size <= STRAGGLERS_MAX || isTooLong) await askForEach(search);
  return search.seen;
}

interface Search {
  readonly source: StateSource;
  readonly signal: AbortSignal;
  readonly wanted: Set<string>;
  readonly seen: Map<string, SeenState>;
}

async function searchState(search: Search, state: 'accepted' | 'rejected'): Promise<void> {
  const { total } = await searchPages(search, { state, maxPages: 1 });
  const pages = Math.ceil((total ?? Number.POSITIVE_INFINITY) / PAGE_SIZE);
  if (pages > 1 && pages < search.wanted.size) await searchPages(search, { state });
}

/**
 * Searches the list of every state, of which a whole one can say that something is gone. Returns true, after its first page, when
 * it is longer than asking for each would be.
 */
async function isTooLongToSearch(search: Search): Promise<boolean> {
  const first = await searchPages(search, { maxPages: 1 });
  const pages = Math.ceil((first.total ?? 0) / PAGE_SIZE);
  if (pages > 1 && pages >= search.wanted.size) return true;
  const listing = pages > 1 ? await searchPages(search, {}) : first;
  if (!listing.isComplete) return false;
  for (const id of search.wanted) search.seen.set(id, null);
  search.wanted.clear();
  return false;
}

async function askForEach({ source, signal, wanted, seen }: Search): Promise<void> {
  const { port, ref } = source;
  await pMap(
    wanted,
    async (id) => {
      seen.set(id, await port.getConnection(ref.serviceId, id, { signal }));
    },
    { concurrency: ONE_BY_ONE_AT_ONCE },
  );
}

/** Moves what a list shows from `wanted` to `seen`. */
async function searchPages(
  { source, signal, wanted, seen }: Search,
  filter: { readonly state?: 'accepted' | 'rejected'; readonly maxPages?: number },
): Promise<ConnectionListing> {
  const options = { ...filter, wanted: new Set(wanted) };
  const listing = await source.port.listConnections(source.ref.serviceId, options, { signal });
  for (const connection of listing.connections) {
    if (wanted.delete(connection.endpointId)) seen.set(connection.endpointId, connection);
  }
  return listing;
}
