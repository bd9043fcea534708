/** The log of requests that reached the local cloud: who asked what, when, what came back. Holds no secret, signature or body. */

/** One request. */
export interface RequestLogEntry {
  /** The request id that the answer named. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** Without `?`, as it came. */
  readonly query: string;
  /** As claimed in the request, whether or not it was right; `null` without one. */
  readonly accessKey: string | null;
  /** Bytes of the body received. */
  readonly bodyBytes: number;
  /** The fault that was injected. */
  readonly fault: string | null;
  /** `null` until answered, and for ever when the connection was cut instead. */
  readonly status: number | null;
  /** Milliseconds since the epoch by the emulator's clock. */
  readonly startedMs: number;
  /** `null` while under way. */
  readonly finishedMs: number | null;
  /** How many requests were under way when this one arrived, itself included. */
  readonly inFlight: number;
}

/** The entry while its request is under way. */
export type OpenLogEntry = { -readonly [K in keyof RequestLogEntry]: RequestLogEntry[K] };

/** The log and what it counts. */
export interface RequestLog {
  readonly entries: RequestLogEntry[];
  /** The most requests that were ever under way at the same time. */
  readonly maxInFlight: () => number;
  /** Adds an entry for a request that has just arrived. */
  open(entry: Omit<RequestLogEntry, 'status' | 'finishedMs' | 'inFlight' | 'fault' | 'bodyBytes'>): OpenLogEntry;
  /** Ends an entry. Returns false when it had ended before. */
  close(entry: OpenLogEntry, finishedMs: number): boolean;
}

/** Beyond this the older half goes: an emulator that runs for days under load must not eat the machine. */
const MAX_ENTRIES = 200_000;

/** Makes an empty log. */
export function createRequestLog(): RequestLog {
  const entries: OpenLogEntry[] = [];
  let inFlight = 0;
  let most = 0;
  return {
    entries,
    maxInFlight: () => most,
    open(start) {
      if (entries.length >= MAX_ENTRIES) {
        entries.splice(0, MAX_ENTRIES / 2);
      }
      inFlight += 1;
      most = Math.max(most, inFlight);
      const entry = { ...start, bodyBytes: 0, fault: null, status: null, finishedMs: null, inFlight };
      entries.push(entry);
      return entry;
    },
    close(entry, finishedMs) {
      if (entry.finishedMs !== null) {
        return false;
      }
      entry.finishedMs = finishedMs;
      inFlight -= 1;
      return true;
    },
  };
}
