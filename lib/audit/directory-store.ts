/**
 * The trail in a folder. Leans on two promises of POSIX file systems: `link` fails when the name is taken, and what was
 * fsynced (file, then each folder above it) survives. Deletes nothing but its own temporary files.
 */
import { randomUUID } from 'node:crypto';
import * as nodeFiles from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileError, systemCode } from './file-error.ts';
import { assertCacheKey, assertKey, assertPrefix, isKeyPart, StoreError, type TrailStore } from './store.ts';

/** The file operations that a directory store uses. */
export type Files = Pick<typeof nodeFiles, 'open' | 'link' | 'mkdir' | 'readFile' | 'readdir' | 'rename' | 'unlink'>;

// The trail names customers: nothing for other users of the machine.
const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;
const SYNCED_FOLDERS_MAX = 1_000;

/**
 * Returns the store whose root is `path`, which is made with the first object. A root that does not exist reads as an empty trail.
 *
 * What a killed writer leaves behind begins with `.tmp-`, is never listed and may be deleted by anybody. Other files that
 * cannot be keys (dot files, symbolic links) are not listed either.
 */
export function createDirectoryStore(path: string, files: Files = nodeFiles): TrailStore {
  const root = resolve(path);
  const syncedFolders = new Set<string>();

  /** Makes `folder` and every folder above it durable. */
  async function ensureFolder(folder: string): Promise<void> {
    if (syncedFolders.has(folder)) return;
    if (folder === root) {
      const first = await files.mkdir(root, { recursive: true, mode: FOLDER_MODE });
      // Only what was made here: the folders above may be somebody else's, and unreadable.
      if (first !== undefined) {
        for (let at = root; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
      }
    } else {
      const parent = dirname(folder);
      await ensureFolder(parent);
      await makeFolder(folder);
      // Also when it was there already: the writer that made it may not have come to its own fsync yet.
      await syncFolder(parent);
    }
    if (syncedFolders.size >= SYNCED_FOLDERS_MAX) syncedFolders.clear();
    syncedFolders.add(folder);
  }

  async function makeFolder(folder: string): Promise<void> {
    try {
      await files.mkdir(folder, { mode: FOLDER_MODE });
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }

  async function syncFolder(folder: string): Promise<void> {
    // Windows cannot open a folder; NTFS keeps a journal of its names.
    if (process.platform === 'win32') return;
    const handle = await files.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
    const handle = await files.open(path, 'wx', FILE_MODE);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Writes the bytes under a temporary name, lets `place` give them their own, and makes that durable. */
  async function put(
    key: string,
    bytes: Uint8Array,
    place: (from: string, to: string) => Promise<void>,
  ): Promise<void> {
    const path = join(root, key);
    const folder = dirname(path);
    const temporary = join(folder, `.tmp-${randomUUID()}`);
    try {
      await ensureFolder(folder);
      try {
        await writeDurably(temporary, bytes);
        await place(temporary, path);
      } finally {
        // A failure here leaves a file that nobody lists; it must not hide how the write itself went.
        await files.unlink(temporary).catch(() => {});
      }
      await syncFolder(folder);
    } catch (error) {
      // Somebody removed a folder under a long-lived process: the next write makes it again.
      if (systemCode(error) === 'ENOENT') syncedFolders.clear();
      throw fileError('write', path, error);
    }
  }

  async function linkNew(from: string, to: string): Promise<void> {
    try {
      await files.link(from, to);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      throw new StoreError(
        'exists',
        `cannot write \`${to}\`: it is there already, and nothing in the trail is overwritten`,
        error,
      );
    }
  }

  /** Names in a folder in the order in which the keys below them sort; a folder's name ends with a slash. */
  async function namesIn(folderKey: string): Promise<string[]> {
    const folder = join(root, folderKey);
    try {
      const entries = await files.readdir(folder, { withFileTypes: true });
      return entries
        .filter((entry) => isKeyPart(entry.name) && (entry.isFile() || entry.isDirectory()))
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .sort();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw fileError('list', folder, error);
    }
  }

  async function* walk(folderKey: string, prefix: string, startAfter: string): AsyncGenerator<string> {
    for (const name of await namesIn(folderKey)) {
      const key = folderKey + name;
      if (!name.endsWith('/')) {
        if (key.startsWith(prefix) && key > startAfter) yield key;
      } else if (key.startsWith(prefix)) {
        // Below a folder that sorts before `startAfter`, and is not on its path, there is nothing to find.
        if (key > startAfter || startAfter.startsWith(key)) yield* walk(key, prefix, startAfter);
      }
    }
  }

  return {
    async create(key, bytes) {
      assertKey(key);
      await put(key, bytes, linkNew);
    },
    async read(key) {
      assertKey(key);
      const path = join(root, key);
      try {
        return await files.readFile(path);
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return null;
        throw fileError('read', path, error);
      }
    },
    async *list(prefix, { startAfter = '' } = {}) {
      assertPrefix(prefix);
      yield* walk(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, startAfter);
    },
    async replace(key, bytes) {
      assertCacheKey(key);
      await put(key, bytes, (from, to) => files.rename(from, to));
    },
    describe: () => root,
  };
}
