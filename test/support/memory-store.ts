/** A trail store in memory, and one that fails on order. Keeps the promises of `TrailStore`, durability aside. */
import { StoreError, type TrailStore } from '../../lib/audit/store.ts';

export interface MemoryStore extends TrailStore {
  readonly objects: Map<string, Uint8Array>;
  /** Runs before each create; what it throws is what the caller gets, and nothing is written. */
  beforeCreate: (key: string, bytes: Uint8Array) => void | Promise<void>;
  /** Runs after each create; what it throws is what the caller gets although the object is there. */
  afterCreate: (key: string, bytes: Uint8Array) => void | Promise<void>;
}

/** Returns an empty store, or one that holds `objects`. */
export function memoryStore(objects: Iterable<readonly [string, Uint8Array]> = []): MemoryStore {
  const held = new Map(objects);
  const store: MemoryStore = {
    objects: held,
    beforeCreate: () => {},
    afterCreate: () => {},
    async create(key, bytes) {
      await store.beforeCreate(key, bytes);
      if (held.has(key)) throw new StoreError('exists', `\`${key}\` is taken`);
      held.set(key, Uint8Array.from(bytes));
      await store.afterCreate(key, bytes);
    },
    read: (key) => Promise.resolve(held.get(key) ?? null),
    async *list(prefix, { startAfter = '' } = {}) {
      const keys = [...held.keys()].filter((key) => key.startsWith(prefix) && key > startAfter).sort();
      for (const key of keys) yield await Promise.resolve(key);
    },
    replace(key, bytes) {
      held.set(key, Uint8Array.from(bytes));
      return Promise.resolve();
    },
    describe: () => 'memory',
  };
  return store;
}

/** Makes the `at`-th create (from 1) and all later ones fail: before anything is written, or after it was. */
export function failFrom(store: MemoryStore, at: number, moment: 'before' | 'after' = 'before'): void {
  let creates = 0;
  store.beforeCreate = () => {
    creates += 1;
    if (creates > at || (creates === at && moment === 'before')) throw fullError();
  };
  store.afterCreate = () => {
    if (creates === at) throw fullError();
  };
}

function fullError(): StoreError {
  return new StoreError('full', 'no space left');
}
