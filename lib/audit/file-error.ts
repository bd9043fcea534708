/** Translates a file system's errors into StoreError. Touches no file. */
import { StoreError, type StoreErrorCode } from './store.ts';

interface Translation {
  readonly code: StoreErrorCode;
  readonly what: string;
}

const DENIED = 'not allowed; give this user the right to write there, or name another place in `audit.store`';
const FULL = 'no space left; make room, or name another place in `audit.store`';
const UNREACHABLE = 'the file system does not answer; check its mount';

const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  EACCES: { code: 'denied', what: DENIED },
  EPERM: { code: 'denied', what: `${DENIED}; a file system without hard links cannot hold a trail` },
  EROFS: { code: 'denied', what: 'the file system is read-only; name another place in `audit.store`' },
  ENOSPC: { code: 'full', what: FULL },
  EDQUOT: { code: 'full', what: FULL },
  ESTALE: { code: 'unreachable', what: UNREACHABLE },
  ETIMEDOUT: { code: 'unreachable', what: UNREACHABLE },
  EHOSTDOWN: { code: 'unreachable', what: UNREACHABLE },
  EHOSTUNREACH: { code: 'unreachable', what: UNREACHABLE },
  ENOTCONN: { code: 'unreachable', what: UNREACHABLE },
  EEXIST: { code: 'io', what: 'a part of the path is a file, not a folder; move it away' },
  ENOTDIR: { code: 'io', what: 'a part of the path is a file, not a folder; move it away' },
  EISDIR: { code: 'io', what: 'it is a folder, not a file; move it away' },
  ELOOP: { code: 'io', what: 'its symbolic links lead in a circle' },
  EMFILE: { code: 'unreachable', what: 'too many open files; raise the limit' },
  ENFILE: { code: 'unreachable', what: 'too many open files; raise the limit' },
};

/** Returns the system's code of an error (`ENOENT`), or an empty text when it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Returns the StoreError for what a file system threw while `doing` (`write`, `read`, `list`) at `path`. A StoreError stays itself. */
export function fileError(doing: string, path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = systemCode(error);
  const known = Object.hasOwn(TRANSLATIONS, code) ? TRANSLATIONS[code] : undefined;
  const what = known?.what ?? (error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error));
  return new StoreError(known?.code ?? 'io', `cannot ${doing} \`${path}\`: ${what}${known ? ` (${code})` : ''}`, error);
}
