/** Turns the place named in a configuration or on a command line into a store. Opens and makes nothing yet. */
import { resolve } from 'node:path';
import { createDirectoryStore } from './directory-store.ts';
import { StoreError, type TrailStore } from './store.ts';

/**
 * Returns the store that `locator` names: `file:<path>` or a path, relative to `baseFolder`.
 *
 * @throws StoreError `invalid-locator` for everything else; `s3://…` is not available in this version.
 */
export function openStore(locator: string, baseFolder: string): TrailStore {
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(locator) ?? [];
  if (scheme === 's3') throw refuse(locator, 'bucket stores are not available in this version; use a directory');
  if (scheme !== undefined && scheme !== 'file') throw refuse(locator, 'expected `file:<path>` or a path');
  const path = scheme === 'file' ? rest : locator;
  // `file://x/y` names host x in a URL and folder /x/y for a naive reader: neither is what was meant.
  if (scheme === 'file' && /^\/\/(?!\/)/.test(path)) throw refuse(locator, 'expected `file:<path>`, without a host');
  if (path === '' || path.includes('\0')) throw refuse(locator, 'expected `file:<path>` or a path');
  return createDirectoryStore(resolve(baseFolder, path));
}

function refuse(locator: string, why: string): StoreError {
  return new StoreError(
    'invalid-locator',
    `cannot use \`${JSON.stringify(locator).slice(1, -1)}\` as audit store: ${why}`,
  );
}
