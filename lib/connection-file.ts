/** Reads connections that a person wrote down, attribute by attribute: the files of `policy explain` and of policy cases. */
import { ATTRIBUTE_NAMES, type Attributes, kindOfAttribute, parseFact } from './core/attributes.ts';
import type { Fact } from './core/fact.ts';
import { nearestName } from './core/nearest-name.ts';
import { type Problem, pointerTo, quoteName, quoteValue } from './core/problem.ts';
import { invalidDocument } from './document-error.ts';
import { readJsonFile } from './policy-file.ts';

const FORMS = {
  text: 'a text',
  number: 'a finite number',
  duration: 'a duration like `90s`, `15m`, `2h` or `7d`',
} as const;

/** Reads the connection in the file `path`. Throws DocumentError with every problem. */
export function loadConnection(path: string, reads: readonly string[]): Attributes {
  const text = readJsonFile(path, 'a connection: an object of attributes by name');
  const { attributes, problems } = readConnection(text.value, reads, '');
  if (problems.length > 0) throw invalidDocument(path, problems, text.positionOf);
  return attributes;
}

/** Reads the connections in the file `path`, an array. Throws DocumentError with every problem. */
export function loadConnections(path: string, reads: readonly string[]): readonly Attributes[] {
  const text = readJsonFile(path, 'connections: an array of objects of attributes by name');
  if (!Array.isArray(text.value)) {
    const found = quoteValue(text.value);
    const expected = 'an array of connections, each an object of attributes by name';
    throw invalidDocument(path, [{ pointer: '', found, expected }], text.positionOf);
  }
  const read = text.value.map((value: unknown, i) => readConnection(value, reads, `/${i}`));
  const problems = read.flatMap((connection) => connection.problems);
  if (problems.length > 0) throw invalidDocument(path, problems, text.positionOf);
  return read.map(({ attributes }) => attributes);
}

/**
 * Reads a connection that lists attributes by name: a value, `null` for absent, `{"unknown": true}` for unknown. Each of `reads`
 * that is not listed is absent, which only holds for connections that somebody made up.
 */
export function readConnection(
  value: unknown,
  reads: readonly string[],
  pointer: string,
): { readonly attributes: Attributes; readonly problems: readonly Problem[] } {
  const attributes = new Map<string, Fact>(reads.map((name) => [name, null]));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      attributes,
      problems: [{ pointer, found: quoteValue(value), expected: 'an object of attributes by name' }],
    };
  }
  const problems: Problem[] = [];
  for (const [name, written] of Object.entries(value)) {
    const fact = readFact(name, written, pointerTo(pointer, name));
    if (isProblem(fact)) problems.push(fact);
    else attributes.set(name, fact);
  }
  return { attributes, problems };
}

function readFact(name: string, written: unknown, pointer: string): Fact | Problem {
  const kind = kindOfAttribute(name);
  if (!kind) {
    const suggestion = nearestName(name, ATTRIBUTE_NAMES);
    return {
      pointer,
      found: `unknown attribute ${quoteName(name)}`,
      expected: `one of ${ATTRIBUTE_NAMES.map((known) => `\`${known}\``).join(', ')}`,
      ...(suggestion !== undefined && { suggestion }),
    };
  }
  const fact = parseFact(written, kind);
  if (fact !== undefined) return fact;
  return {
    pointer,
    found: quoteValue(written),
    expected: `${FORMS[kind]}, \`null\` (absent) or \`{"unknown": true}\``,
  };
}

function isProblem(value: Fact | Problem): value is Problem {
  return typeof value === 'object' && value !== null && 'pointer' in value;
}
