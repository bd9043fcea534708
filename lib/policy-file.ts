/** Loads a policy file: strict JSON, then the schema, then compilation. The only place where policy text meets the file system. */
import { readFileSync } from 'node:fs';
import { compilePolicy, type Policy, PolicyError } from './core/policy.ts';
import { invalidDocument, unreadableDocument } from './document-error.ts';
import { type JsonText, parseJsonText } from './json-text.ts';

/** Reads and parses a JSON file. Throws DocumentError, naming `what` as what was expected there. */
export function readJsonFile(path: string, what: string): JsonText {
  try {
    return parseJsonText(readFileSync(path));
  } catch (error) {
    throw unreadableDocument(path, what, error);
  }
}

/** Reads, checks and compiles the policy in the file `path`. Throws DocumentError with every problem. */
export function loadPolicy(path: string): Policy {
  const text = readJsonFile(path, 'a policy');
  try {
    return compilePolicy(text.value);
  } catch (error) {
    if (error instanceof PolicyError) throw invalidDocument(path, error.problems, text.positionOf);
    throw error;
  }
}
