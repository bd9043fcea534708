/** Stores for tests: real folders that go away, and one that dies at a given write. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createDirectoryStore } from '../../../lib/audit/directory-store.ts';
import type { TrailStore } from '../../../lib/audit/store.ts';

/** A folder of its own, deleted after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trail-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A directory store in a folder of its own. */
export async function temporaryStore(): Promise<TrailStore> {
  return createDirectoryStore(join(await temporaryFolder(), 'audit'));
}

/** Fails at the `at`-th create (from 1) and at each later call, either before anything is written or after all of it is. */
export function dyingStore(store: TrailStore, at: number, moment: 'before' | 'after'): TrailStore {
  let creates = 0;
  return {
    ...store,
    async create(key, bytes) {
      creates += 1;
      if (creates < at || (creates === at && moment === 'after')) await store.create(key, bytes);
      if (creates >= at) throw new Error('the process was killed');
    },
  };
}

/** Counts what a store is asked for. */
export function countingStore(store: TrailStore): TrailStore & { readonly reads: string[] } {
  const reads: string[] = [];
  return {
    ...store,
    reads,
    read(key) {
      reads.push(key);
      return store.read(key);
    },
  };
}

/** All keys below a prefix. */
export async function keysOf(store: TrailStore, prefix = '', startAfter = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.list(prefix, { startAfter })) keys.push(key);
  return keys;
}

/** An object's text; throws when there is none. */
export async function textOf(store: TrailStore, key: string): Promise<string> {
  const bytes = await store.read(key);
  if (bytes === null) throw new Error(`no object ${key}`);
  return Buffer.from(bytes).toString('utf8');
}
