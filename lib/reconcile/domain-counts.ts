/** Counts connections by consumer domain, for `domain.connections`. Pure; a count that could be too low is unknown. */
import type { ConnectionListing } from '../cloud/endpoint-services.ts';
import type { Connection } from '../core/connection.ts';
import { type Fact, UNKNOWN } from '../core/fact.ts';

/** How many accepted or creating connections each domain has on one service; grows with the accepts of the run itself. */
export interface DomainCounts {
  /**
   * The count for the domain of a connection, the connection itself left out; unknown when the domain, or some connection
   * that could be its, is.
   */
  readonly of: (connection: Connection) => Fact<number>;
  /** Counts a connection that the run is about to accept, so that the next decision sees it. */
  readonly add: (connection: Connection) => void;
  /** Whether the count for this connection's domain includes accepts that have yet to succeed. */
  readonly isForecast: (connection: Connection) => boolean;
}

/** Counts the connections of one service. */
export function countByDomain(listing: ConnectionListing): DomainCounts {
  const counts = new Map<string, number>();
  const uncertain = new Set<string>();
  const forecast = new Set<string>();
  // Fail closed: a connection that was not listed, or that nobody can attribute, might belong to any domain.
  let isCertain = listing.isComplete;
  for (const connection of listing.connections) {
    if (!mayCount(connection)) continue;
    if (typeof connection.domainId !== 'string') isCertain = false;
    else if (connection.state === 'unknown') uncertain.add(connection.domainId);
    else counts.set(connection.domainId, (counts.get(connection.domainId) ?? 0) + 1);
  }
  return {
    of: (connection) => {
      const { domainId } = connection;
      if (!isCertain || typeof domainId !== 'string' || uncertain.has(domainId)) return UNKNOWN;
      return (counts.get(domainId) ?? 0) - (mayCount(connection) ? 1 : 0);
    },
    add: ({ domainId }) => {
      if (typeof domainId !== 'string') {
        isCertain = false;
        return;
      }
      counts.set(domainId, (counts.get(domainId) ?? 0) + 1);
      forecast.add(domainId);
    },
    isForecast: ({ domainId }) => typeof domainId === 'string' && forecast.has(domainId),
  };
}

function mayCount({ state }: Connection): boolean {
  return state === 'accepted' || state === 'creating' || state === 'unknown';
}
