import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDirectoryStore, type Files } from '../../lib/audit/directory-store.ts';
import { keysOf, temporaryFolder, temporaryStore, textOf } from './support/stores.ts';

const bytes = (text: string) => Buffer.from(text);

/** The real file operations, of which one fails from its `at`-th call on, as after a kill or on a full disk. */
function failingFiles(operation: keyof Files, at: number, code: string): Files {
  let calls = 0;
  const real = nodeFiles[operation] as (...values: unknown[]) => Promise<unknown>;
  const failing = async (...values: unknown[]) => {
    calls += 1;
    if (calls >= at) throw Object.assign(new Error(`${code}: made up`), { code });
    return real(...values);
  };
  return { ...nodeFiles, [operation]: failing };
}

/** The real file operations, with the name of each call in order; `sync` calls by the path they were for. */
function recordedFiles(): Files & { readonly calls: string[] } {
  const calls: string[] = [];
  const open = async (path: string, flags: string, mode?: number) => {
    const handle = await nodeFiles.open(path, flags, mode);
    const sync = handle.sync.bind(handle);
    handle.sync = () => {
      calls.push(`sync ${path.replace(/\.tmp-.*/, 'temporary')}`);
      return sync();
    };
    return handle;
  };
  const link = (from: string, to: string) => {
    calls.push(`link ${to}`);
    return nodeFiles.link(from, to);
  };
  return { ...nodeFiles, open, link, calls } as unknown as Files & { readonly calls: string[] };
}

describe('create', () => {
  test('makes an object that read returns', async () => {
    const store = await temporaryStore();
    await store.create('trail/a/000001.jsonl', bytes('one'));
    expect(await textOf(store, 'trail/a/000001.jsonl')).toBe('one');
    expect(await store.read('trail/a/000002.jsonl')).toBeNull();
  });

  test('fails for a key that is taken, and leaves what is there', async () => {
    const store = await temporaryStore();
    await store.create('a/b', bytes('one'));
    await expect(store.create('a/b', bytes('two'))).rejects.toMatchObject({ name: 'StoreError', code: 'exists' });
    expect(await textOf(store, 'a/b')).toBe('one');
  });

  test('lets exactly one of many concurrent writers win, whole', async () => {
    const root = await temporaryFolder();
    const writers = Array.from({ length: 20 }, (_, index) =>
      createDirectoryStore(root).create('a/b', bytes(String(index).repeat(10_000))),
    );
    const results = await Promise.allSettled(writers);
    const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []));
    expect(winners).toHaveLength(1);
    expect(await textOf(createDirectoryStore(root), 'a/b')).toBe(String(winners[0]).repeat(10_000));
    expect(await nodeFiles.readdir(join(root, 'a'))).toEqual(['b']);
  });

  test('syncs the bytes before they get their name, and every folder that names something new after', async () => {
    const root = join(await temporaryFolder(), 'x', 'audit');
    const files = recordedFiles();
    await createDirectoryStore(root, files).create('a/b/c', bytes('one'));
    const up = (steps: number) => join(root, ...Array.from({ length: steps }, () => '..'));
    expect(files.calls).toEqual([
      `sync ${up(1)}`,
      `sync ${up(2)}`,
      `sync ${root}`,
      `sync ${join(root, 'a')}`,
      `sync ${join(root, 'a', 'b', 'temporary')}`,
      `link ${join(root, 'a', 'b', 'c')}`,
      `sync ${join(root, 'a', 'b')}`,
    ]);
  });

  test('syncs a folder that another writer has made but may not have synced', async () => {
    const root = await temporaryFolder();
    await nodeFiles.mkdir(join(root, 'a'));
    const files = recordedFiles();
    await createDirectoryStore(root, files).create('a/b', bytes('one'));
    expect(files.calls).toContain(`sync ${root}`);
  });

  test.each([
    { operation: 'mkdir', at: 1 },
    { operation: 'mkdir', at: 2 },
    { operation: 'open', at: 1 },
    { operation: 'open', at: 2 },
    { operation: 'link', at: 1 },
  ] as const)('shows nothing when $operation fails at call $at', async ({ operation, at }) => {
    const root = await temporaryFolder();
    const store = createDirectoryStore(root, failingFiles(operation, at, 'ENOSPC'));
    await expect(store.create('a/b', bytes('one'))).rejects.toMatchObject({ code: 'full' });
    const after = createDirectoryStore(root);
    expect(await keysOf(after)).toEqual([]);
    await after.create('a/b', bytes('two'));
    expect(await textOf(after, 'a/b')).toBe('two');
  });

  test('never lists what a killed writer left, and works beside it', async () => {
    const root = await temporaryFolder();
    const killed = { ...failingFiles('link', 1, 'EIO'), unlink: () => Promise.reject(new Error('killed')) };
    await expect(createDirectoryStore(root, killed).create('a/b', bytes('half'))).rejects.toMatchObject({ code: 'io' });
    expect(await nodeFiles.readdir(join(root, 'a'))).toHaveLength(1);
    const store = createDirectoryStore(root);
    expect(await keysOf(store)).toEqual([]);
    await store.create('a/b', bytes('whole'));
    expect(await keysOf(store)).toEqual(['a/b']);
  });

  test.each([
    { system: 'EACCES', code: 'denied' },
    { system: 'EROFS', code: 'denied' },
    { system: 'ENOSPC', code: 'full' },
    { system: 'EDQUOT', code: 'full' },
    { system: 'ESTALE', code: 'unreachable' },
    { system: 'EIO', code: 'io' },
  ])('fails with $code on $system, in one line that names the path', async ({ system, code }) => {
    const root = await temporaryFolder();
    const error = await createDirectoryStore(root, failingFiles('link', 1, system))
      .create('a/b', bytes('one'))
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'StoreError', code, cause: { code: system } });
    expect((error as Error).message).toContain(`cannot write \`${join(root, 'a', 'b')}\``);
    expect((error as Error).message).not.toContain('\n');
  });

  test('does not take a file in the way of the root or of a folder for a taken key', async () => {
    const root = await temporaryFolder();
    await nodeFiles.writeFile(join(root, 'a'), 'file');
    await expect(createDirectoryStore(join(root, 'a')).create('b', bytes(''))).rejects.toMatchObject({ code: 'io' });
    await expect(createDirectoryStore(root).create('a/b/c', bytes(''))).rejects.toMatchObject({ code: 'io' });
  });

  test('goes on after somebody removed its folders', async () => {
    const root = await temporaryFolder();
    const store = createDirectoryStore(root);
    await store.create('a/b', bytes('one'));
    await nodeFiles.rm(join(root, 'a'), { recursive: true });
    await expect(store.create('a/c', bytes('two'))).rejects.toMatchObject({ code: 'io' });
    await store.create('a/c', bytes('two'));
    expect(await keysOf(store)).toEqual(['a/c']);
  });

  test.each([
    '',
    '/etc/x',
    '../x',
    'a/../../x',
    'a//b',
    'a/./b',
    'a/',
    '.tmp-x',
    'a\0b',
    'a\\b',
    'a\nb',
    'ä',
    `a/${'b'.repeat(300)}`,
  ])('refuses the key %j', async (key) => {
    const store = await temporaryStore();
    await expect(store.create(key, bytes(''))).rejects.toMatchObject({ code: 'invalid-key' });
    await expect(store.read(key)).rejects.toMatchObject({ code: 'invalid-key' });
  });
});

describe('replace', () => {
  test('overwrites a cache', async () => {
    const store = await temporaryStore();
    await store.replace('state/x.json', bytes('one'));
    await store.replace('state/x.json', bytes('two'));
    expect(await textOf(store, 'state/x.json')).toBe('two');
    expect(await keysOf(store)).toEqual(['state/x.json']);
  });

  test('refuses to overwrite anything else', async () => {
    const store = await temporaryStore();
    await expect(store.replace('trail/x', bytes('one'))).rejects.toMatchObject({ code: 'invalid-key' });
  });

  test('leaves the old bytes when it fails', async () => {
    const root = await temporaryFolder();
    await createDirectoryStore(root).replace('state/x', bytes('one'));
    await expect(
      createDirectoryStore(root, failingFiles('rename', 1, 'EACCES')).replace('state/x', bytes('two')),
    ).rejects.toMatchObject({
      code: 'denied',
    });
    expect(await textOf(createDirectoryStore(root), 'state/x')).toBe('one');
  });
});

describe('list', () => {
  const KEYS = ['a-b/x', 'a.json', 'a/b/1', 'a/b/2', 'a/c', 'a0', 'b/1'];

  test('returns the keys in order of code units, also where a folder and a file begin alike', async () => {
    const store = await temporaryStore();
    for (const key of KEYS.toReversed()) await store.create(key, bytes(''));
    expect(KEYS).toEqual(KEYS.toSorted());
    expect(await keysOf(store)).toEqual(KEYS);
    for (const prefix of ['a', 'a/', 'a/b', 'a/b/', 'a/b/1', 'c', 'c/d']) {
      expect(await keysOf(store, prefix)).toEqual(KEYS.filter((key) => key.startsWith(prefix)));
    }
    for (const startAfter of [...KEYS, 'a/', 'a/b', 'a/b/', 'a/b/1x', 'zzz']) {
      expect(await keysOf(store, '', startAfter)).toEqual(KEYS.filter((key) => key > startAfter));
    }
  });

  test('returns nothing for a root that does not exist', async () => {
    expect(await keysOf(await temporaryStore())).toEqual([]);
  });

  test('opens only the folders on the way to the keys asked for', async () => {
    const root = await temporaryFolder();
    const store = createDirectoryStore(root);
    for (const key of ['t/01/a/1', 't/02/a/1', 't/03/a/1', 't/04/a/1']) await store.create(key, bytes(''));
    const opened: string[] = [];
    const readdir = (path: string, options: { withFileTypes: true }) => {
      opened.push(path.slice(root.length + 1));
      return nodeFiles.readdir(path, options);
    };
    const watched = createDirectoryStore(root, { ...nodeFiles, readdir } as unknown as Files);
    for await (const key of watched.list('t/', { startAfter: 't/02' })) if (key.startsWith('t/03')) break;
    expect(opened).toEqual(['t/', 't/02/', 't/02/a/', 't/03/', 't/03/a/']);
  });

  test('passes over links and names that cannot be keys', async () => {
    const root = await temporaryFolder();
    const store = createDirectoryStore(root);
    await store.create('a/b', bytes(''));
    await nodeFiles.symlink('/etc', join(root, 'a', 'etc'));
    await nodeFiles.writeFile(join(root, 'a', 'no key'), '');
    await nodeFiles.writeFile(join(root, 'a', '.DS_Store'), '');
    expect(await keysOf(store)).toEqual(['a/b']);
  });

  test.each(['/', '../', 'a//', '.', 'a/.t'])('refuses the prefix `%s`', async (prefix) => {
    await expect(keysOf(await temporaryStore(), prefix)).rejects.toMatchObject({ code: 'invalid-key' });
  });
});
