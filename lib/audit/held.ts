/** The cache of known holds, and how far back the trail is known to be closed. Only a cache: losing it costs repetition, never truth. */
import { canonicalJson } from '../core/canonical-json.ts';
import { type Digest, digestOf } from '../core/digest.ts';
import type { TrailStore } from './store.ts';

const HELD_KEY = 'state/held.json';
const DECISION_ID = /^sha256:[0-9a-f]{64}$/;

/** What a sweep remembers for the next one. */
export interface HeldCache {
  /** The decision ids of all holds of the last finished sweep. A hold in it is not written to the trail again. */
  readonly held: ReadonlySet<string>;
  /** Milliseconds; every run that began earlier is known to be closed, see `findDeadRuns`. `null`: nothing is known. */
  readonly closedBefore: number | null;
}

/** The cache that knows nothing. */
export const EMPTY_HELD: HeldCache = Object.freeze({ held: new Set<string>(), closedBefore: null });

/** Returns the cache; {@link EMPTY_HELD} when there is none or it is not wholly as `writeHeld` writes it. Rejects with StoreError when the store fails. */
export async function readHeld(store: TrailStore): Promise<HeldCache> {
  const bytes = await store.read(HELD_KEY);
  return bytes === null ? EMPTY_HELD : (parseHeld(Buffer.from(bytes).toString('utf8')) ?? EMPTY_HELD);
}

/**
 * Replaces the cache. Only for a sweep over everything, after its `run.finished` is durable: holds that were never
 * written would otherwise count as known. Of two sweeps at once the later one wins, and either cache is true.
 */
export async function writeHeld(store: TrailStore, { held, closedBefore }: HeldCache): Promise<void> {
  const closed = closedBefore === null ? null : new Date(closedBefore).toISOString();
  const text = canonicalJson({ v: 1, held: sorted(held), closed_before: closed });
  await store.replace(HELD_KEY, Buffer.from(`${text}\n`));
}

/**
 * Returns `held_digest` of `run.finished`: SHA-256 over the decision ids of all holds of the run, each once, sorted by code
 * unit, joined by `\n`, without a newline at the end; the digest of the empty text when there is no hold.
 */
export function heldDigest(decisionIds: Iterable<string>): Digest {
  return digestOf(sorted(decisionIds).join('\n'));
}

function sorted(decisionIds: Iterable<string>): string[] {
  return [...new Set(decisionIds)].sort();
}

function parseHeld(text: string): HeldCache | null {
  try {
    const cache: unknown = JSON.parse(text);
    if (typeof cache !== 'object' || cache === null) return null;
    if (!('v' in cache && 'held' in cache && 'closed_before' in cache) || cache.v !== 1) return null;
    const { held, closed_before: closed } = cache;
    if (!Array.isArray(held) || !held.every((id): id is string => typeof id === 'string' && DECISION_ID.test(id)))
      return null;
    if (closed === null) return { held: new Set(held), closedBefore: null };
    const closedBefore = typeof closed === 'string' ? Date.parse(closed) : Number.NaN;
    if (Number.isNaN(closedBefore) || new Date(closedBefore).toISOString() !== closed) return null;
    return { held: new Set(held), closedBefore };
  } catch {
    return null;
  }
}
