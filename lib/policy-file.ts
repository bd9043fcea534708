/** Loads a policy file: strict JSON, then the schema, then compilation. The only place where policy text meets the file system. */
import { closeSync, openSync, readSync } from 'node:fs';
import { compilePolicy, type Policy, PolicyError } from './core/policy.ts';
import type { Problem } from './core/problem.ts';
import { invalidDocument, unreadableDocument } from './document-error.ts';
import { type JsonText, parseJsonText } from './json-text.ts';

/** Reads and parses a JSON file. Throws DocumentError, naming `what` as what was expected there. */
export function readJsonFile(path: string, what: string): JsonText {
  try {
    return parseJsonText(readBytes(path));
  } catch (error) {
    throw unreadableDocument(path, what, error);
  }
}

const FILE_BYTES_MAX = 128 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/** Reads to the end, also of a pipe; a device that has none, or a file that memory cannot hold, is refused at the limit. */
export function readBytes(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const chunks: Uint8Array[] = [];
    for (let size = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const read = readSync(file, chunk);
      if (read === 0) return Buffer.concat(chunks);
      size += read;
      if (size > FILE_BYTES_MAX) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
      chunks.push(chunk.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}

/** What stands in a policy file that is JSON, with its places. */
export interface PolicyText {
  /** `null` when the document breaks the rules of policy.md. */
  readonly policy: Policy | null;
  /** Everything that is wrong with it; empty when there is a policy. */
  readonly problems: readonly Problem[];
  readonly positionOf: JsonText['positionOf'];
}

/** Reads, checks and compiles the policy in the file `path`. Throws DocumentError only when it cannot be read or is no JSON. */
export function loadPolicyText(path: string): PolicyText {
  const { value, positionOf } = readJsonFile(path, 'a policy');
  try {
    return { policy: compilePolicy(value), problems: [], positionOf };
  } catch (error) {
    if (error instanceof PolicyError) return { policy: null, problems: error.problems, positionOf };
    throw error;
  }
}

/** Reads, checks and compiles the policy in the file `path`. Throws DocumentError with every problem. */
export function loadPolicy(path: string): Policy {
  const { policy, problems, positionOf } = loadPolicyText(path);
  if (policy === null) throw invalidDocument(path, problems, positionOf);
  return policy;
}
