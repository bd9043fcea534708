/** Reads a JSON file that a person wrote, strictly: one meaning per key, and every complaint with line and column. Knows no schema. */
import { findNodeAtLocation, type JSONPath, type Node, parseTree, printParseErrorCode, visit } from 'jsonc-parser';

/** A place in a text, both counted from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** A text that is not JSON, or JSON with two meanings. The message says what is wrong and where, on one line. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  readonly code = 'invalid-json';
  readonly position: TextPosition | undefined;

  constructor(message: string, position?: TextPosition) {
    super(position ? `line ${position.line}, column ${position.column}: ${message}` : message);
    this.position = position;
  }
}

/** A parsed text that still knows where things stand in it. */
export interface JsonText {
  readonly value: unknown;
  /** Where the value that a JSON pointer names stands; `undefined` when there is no such value. */
  readonly positionOf: (pointer: string) => TextPosition | undefined;
}

/**
 * Parses a JSON text. A byte order mark is skipped.
 *
 * @throws JsonTextError on invalid UTF-8, comments, trailing commas, a key that stands twice in one object, a key called
 * `__proto__`, and anything else that RFC 8259 does not allow.
 */
export function parseJsonText(bytes: Uint8Array): JsonText {
  const text = decode(bytes);
  const complaint = findComplaint(text);
  if (complaint) throw complaint;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The scan above is a different parser; where it is more lenient, the stricter one has the last word.
    throw new JsonTextError(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { value, positionOf: (pointer) => positionIn(text, pointer) };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new JsonTextError('is not valid UTF-8');
  }
}

const COMPLAINTS: Readonly<Record<string, string>> = {
  InvalidSymbol: 'found a word that is no JSON value',
  InvalidNumberFormat: 'found a number that is not written as JSON writes numbers',
  PropertyNameExpected: 'expected a key in double quotes (a comma before `}` is not JSON)',
  ValueExpected: 'expected a value (a comma before `]` is not JSON)',
  ColonExpected: 'expected `:`',
  CommaExpected: 'expected `,`',
  CloseBraceExpected: 'expected `}`',
  CloseBracketExpected: 'expected `]`',
  EndOfFileExpected: 'expected the end of the file',
  InvalidCommentToken: 'found a comment, which JSON does not have',
  UnexpectedEndOfComment: 'found a comment, which JSON does not have',
  UnexpectedEndOfString: 'found a text without its closing quote',
  UnexpectedEndOfNumber: 'found a number that ends too early',
  InvalidUnicode: 'found a `\\u` without four hex digits',
  InvalidEscapeCharacter: 'found a `\\` before a character that it cannot escape',
  InvalidCharacter: 'found a control character inside a text',
};

function findComplaint(text: string): JsonTextError | undefined {
  let complaint: JsonTextError | undefined;
  const complain = (message: string, line: number, character: number) => {
    complaint ??= new JsonTextError(message, { line: line + 1, column: character + 1 });
  };
  const keys: Set<string>[] = [];
  try {
    visit(
      text,
      {
        onObjectBegin: () => void keys.push(new Set()),
        onObjectEnd: () => void keys.pop(),
        onObjectProperty: (key, _offset, _length, line, character) => {
          if (key === '__proto__') complain('found the key `__proto__`, which is not allowed', line, character);
          if (keys.at(-1)?.has(key)) complain(`found the key ${JSON.stringify(key)} a second time`, line, character);
          keys.at(-1)?.add(key);
        },
        onError: (code, _offset, _length, line, character) =>
          complain(COMPLAINTS[printParseErrorCode(code)] ?? 'is not JSON', line, character),
      },
      { disallowComments: true, allowTrailingComma: false },
    );
  } catch (error) {
    if (error instanceof RangeError) return new JsonTextError('is nested too deeply');
    throw error;
  }
  return complaint;
}

function positionIn(text: string, pointer: string): TextPosition | undefined {
  const root = parseTree(text);
  const node = root && findNodeAtLocation(root, pathOf(root, pointer));
  return node && positionAt(text, node.offset);
}

function pathOf(root: Node, pointer: string): JSONPath {
  const path: JSONPath = [];
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    const parent = path.length === 0 ? root : findNodeAtLocation(root, path);
    path.push(parent?.type === 'array' ? Number(key) : key);
  }
  return path;
}

function positionAt(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
