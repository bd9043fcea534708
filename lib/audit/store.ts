/** The port to wherever the trail is kept. A store knows keys and bytes, nothing of records. */

/**
 * A place for the trail. Keys are relative to the store's own root (folder, or bucket and prefix): parts of `A-Za-z0-9._-`
 * that do not begin with a dot, joined by `/`. Every method rejects with {@link StoreError} and nothing else.
 */
export interface TrailStore {
  /**
   * Makes a new object, and resolves only when it would survive a loss of power. Of several writers of one key exactly one
   * succeeds; the others get `exists`. An object is there whole or not at all.
   *
   * Any other error leaves open whether the object is there: a caller must not go on as if it were, nor as if it were not.
   */
  create(key: string, bytes: Uint8Array): Promise<void>;
  /** The object's bytes, or `null` when there is none. */
  read(key: string): Promise<Uint8Array | null>;
  /**
   * The keys that begin with `prefix` (a text, not a folder) and sort after `startAfter`, in order of UTF-16 code units.
   * Lazy: what is not asked for is not read. An object made while the listing runs may or may not be in it.
   */
  list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<string>;
  /** Makes or overwrites a cache; readers see the old bytes or the new. Only below `state/`: the trail itself is never overwritten. */
  replace(key: string, bytes: Uint8Array): Promise<void>;
  /** Names the store in messages. */
  describe(): string;
}

/**
 * `exists`: the key is taken. `denied`: no right to. `full`: no space or quota. `unreachable`: may work later.
 * `invalid-key`, `invalid-locator`: the name itself is wrong. `io`: anything else.
 */
export type StoreErrorCode = 'exists' | 'denied' | 'full' | 'unreachable' | 'invalid-key' | 'invalid-locator' | 'io';

/** A store that could not do as asked. `message` is one line that names the place and, where known, what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** True for the StoreError of a key that is taken. */
export function isTaken(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'exists';
}

const KEY_PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/** True when `part` may stand between two slashes of a key. Temporary files begin with a dot, so that they never can. */
export function isKeyPart(part: string): boolean {
  return KEY_PART.test(part);
}

/** Throws StoreError `invalid-key` unless `key` is one: no way out of the store, nothing that a file system or URL reads otherwise. */
export function assertKey(key: string): void {
  if (key.length > 1024 || !key.split('/').every(isKeyPart)) {
    throw new StoreError('invalid-key', `${quoted(key)} is not a key: expected parts of A-Za-z0-9._- joined by /`);
  }
}

/** Throws StoreError `invalid-key` unless `prefix` can begin a key; the last part may be unfinished or empty. */
export function assertPrefix(prefix: string): void {
  const parts = prefix.split('/');
  const last = parts.pop() ?? '';
  if (!parts.every(isKeyPart) || (last !== '' && !isKeyPart(last))) {
    throw new StoreError(
      'invalid-key',
      `${quoted(prefix)} cannot begin a key: expected parts of A-Za-z0-9._- joined by /`,
    );
  }
}

/** Throws StoreError `invalid-key` unless `key` is that of a cache. */
export function assertCacheKey(key: string): void {
  assertKey(key);
  if (!key.startsWith('state/')) {
    throw new StoreError('invalid-key', `\`${key}\` must not be overwritten: only caches below \`state/\` are`);
  }
}

// Control characters in a message would let a key forge log lines.
function quoted(text: string): string {
  return `\`${JSON.stringify(text.slice(0, 200)).slice(1, -1)}\``;
}
