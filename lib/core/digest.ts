/** SHA-256 in the form in which every digest and id of this project is written: `sha256:` and lower-case hex. */
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** `sha256:` and 64 hex digits. */
export type Digest = `sha256:${string}`;

/** Returns the digest of bytes, or of a text's UTF-8 form. */
export function digestOf(content: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Returns the digest of a value's canonical JSON (RFC 8785). Throws TypeError on what JSON cannot say. */
export function digestOfJson(value: unknown): Digest {
  return digestOf(canonicalJson(value));
}
