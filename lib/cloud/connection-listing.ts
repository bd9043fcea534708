/** Draws listings and single connections from what was read of a list, so that nothing is concluded from half of it. Sends nothing. */
import type { Connection, ConnectionState } from '../core/connection.ts';
import { incomplete } from './adapter-errors.ts';
import type { ConnectionFilter, ConnectionListing } from './endpoint-services.ts';
import type { Pages } from './read-pages.ts';

/**
 * Returns the connections in `state`, or all. Filters also where the cloud has filtered: one that ignores the filter would have
 * every connection judged as pending. Those whose state cannot be told stay in, as such, so that somebody hears of them.
 */
export function listingOf(read: Pages<Connection>, state: ConnectionState | undefined): ConnectionListing {
  const isAsked = (connection: Connection) => connection.state === state || connection.state === 'unknown';
  const connections = state === undefined ? read.items : read.items.filter(isAsked);
  const { isComplete, pages, total } = read;
  return { connections, isComplete, pages, ...(total !== undefined && { total }) };
}

/** Returns the connection, or `null` when a list that was seen whole does not have it. Throws `CloudError` otherwise. */
export function foundIn(listing: ConnectionListing, endpointId: string, where: string): Connection | null {
  const found = listing.connections.find((connection) => connection.endpointId === endpointId);
  if (found !== undefined) return found;
  if (!listing.isComplete) throw incomplete(where, listing.pages);
  return null;
}

/** Returns the test for having seen enough: all of `wanted`, or as many pages as are worth it. */
export function isEnoughFor({
  wanted,
  maxPages = Number.POSITIVE_INFINITY,
}: ConnectionFilter): (seen: ReadonlyMap<string, unknown>, pages: number) => boolean {
  return (seen, pages) => {
    if (pages >= maxPages) return true;
    if (wanted === undefined) return false;
    for (const id of wanted) if (!seen.has(id)) return false;
    return true;
  };
}
