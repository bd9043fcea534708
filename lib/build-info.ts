/** Which build is running: what `run.started` records, so that an auditor can lay the very file beside the trail. */
import { readFileSync } from 'node:fs';
import packageJson from '../package.json' with { type: 'json' };
import { type Digest, digestOf } from './core/digest.ts';

/** The version, and the digest of the running bundle; `null` when the program runs from its sources. */
export interface BuildInfo {
  readonly version: string;
  readonly digest: Digest | null;
}

/** The version of this program. */
export const VERSION: string = packageJson.version;

/** Reads the running file once and returns its identity. A bundle is one file, and this module is then part of it. */
export function readBuildInfo(): BuildInfo {
  const file = import.meta.filename;
  return { version: VERSION, digest: file.endsWith('.ts') ? null : digestOf(readFileSync(file)) };
}
