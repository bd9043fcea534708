/** Reads a JSON file that a person wrote, strictly: one meaning per key, and every complaint with line and column. Knows no schema. */
import { type Node, parseTree, printParseErrorCode, visit } from 'jsonc-parser';
import { quoteName } from './core/problem.ts';

/** A place in a text, both counted from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** A text that is not JSON, or JSON with two meanings. The message says on one line what is wrong; `position` says where. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  readonly code = 'invalid-json';
  /** `undefined` when it is about the text as a whole. */
  readonly position: TextPosition | undefined;

  constructor(message: string, position?: TextPosition) {
    super(message);
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
 * `__proto__`, more than 500 levels, and anything else that RFC 8259 does not allow.
 */
export function parseJsonText(bytes: Uint8Array): JsonText {
  const text = decode(bytes);
  if (!/\S/.test(text)) throw new JsonTextError('found nothing but white space, expected a JSON value');
  const complaint = findComplaint(text);
  if (complaint) throw complaint;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The scan above is a different parser; where it is more lenient, the stricter one has the last word.
    throw new JsonTextError(`found no JSON (${error instanceof Error ? error.message : String(error)}), expected JSON`);
  }
  let places: Places | undefined;
  return {
    value,
    positionOf: (pointer) => {
      // Only broken documents are asked for places, and then once for every problem.
      places ??= findPlaces(text);
      return positionIn(places, pointer);
    },
  };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder('utf-8').decode(bytes.subarray(0, firstBadByte(bytes)), { stream: true });
    const position = positionAt(lineStartsOf(before), before.length);
    throw new JsonTextError('found bytes that are not UTF-8, expected JSON in UTF-8', position);
  }
}

/** Where UTF-8 ends: a longer beginning of the text is bad when a shorter one is, so half of what is left is looked at each time. */
function firstBadByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (isUtf8(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

/** Whether bytes are the beginning of a text in UTF-8; the last character may be cut. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

interface Complaint {
  /** The text at the place when left out. */
  readonly found?: string;
  readonly expected: string;
}

const COMPLAINTS: Readonly<Record<string, Complaint>> = {
  InvalidSymbol: { expected: 'a JSON value' },
  InvalidNumberFormat: { expected: 'a number as JSON writes numbers' },
  PropertyNameExpected: { expected: 'a key in double quotes' },
  ValueExpected: { expected: 'a value' },
  ColonExpected: { expected: '`:`' },
  CommaExpected: { expected: '`,`' },
  CloseBraceExpected: { expected: '`}`' },
  CloseBracketExpected: { expected: '`]`' },
  EndOfFileExpected: { expected: 'the end of the file' },
  InvalidCommentToken: { found: 'a comment', expected: 'JSON, which has none' },
  UnexpectedEndOfComment: { found: 'a comment', expected: 'JSON, which has none' },
  UnexpectedEndOfString: { found: 'a text without its closing quote', expected: '`"` on the same line' },
  UnexpectedEndOfNumber: { found: 'a number that ends too early', expected: 'a digit' },
  InvalidUnicode: { found: '`\\u` without its digits', expected: 'four hex digits' },
  InvalidEscapeCharacter: { found: '`\\` before a character that it cannot escape', expected: '`\\\\`' },
  InvalidCharacter: { found: 'a control character inside a text', expected: 'it escaped, like `\\n`' },
};

const SHOWN_MAX = 40;

function complaintAt(text: string, code: string, offset: number, length: number): string {
  const { found, expected } = COMPLAINTS[code] ?? { expected: 'JSON' };
  const there = text.slice(offset, offset + Math.min(Math.max(length, 1), SHOWN_MAX));
  const isAfterComma = /^[}\]]$/.test(there) && /,\s*$/.test(text.slice(Math.max(0, offset - 1_000), offset));
  const hint = isAfterComma ? ' (a comma before it is not JSON)' : '';
  return `found ${found ?? (there === '' ? 'the end of the file' : quoteName(there))}, expected ${expected}${hint}`;
}

/** What reads the value afterwards is recursive, and must not run out of stack, whatever calls it. */
const DEPTH_MAX = 500;

function findComplaint(text: string): JsonTextError | undefined {
  let complaint: JsonTextError | undefined;
  let depth = 0;
  const complain = (message: string, line: number, character: number) => {
    complaint ??= new JsonTextError(message, { line: line + 1, column: character + 1 });
  };
  const descend = (line: number, character: number) => {
    depth += 1;
    if (depth > DEPTH_MAX) {
      complain(`found more than ${DEPTH_MAX} levels of nesting, expected fewer`, line, character);
    }
  };
  const keys: Set<string>[] = [];
  try {
    visit(
      text,
      {
        onObjectBegin: (_offset, _length, line, character) => {
          keys.push(new Set());
          descend(line, character);
        },
        onObjectEnd: () => {
          keys.pop();
          depth -= 1;
        },
        onArrayBegin: (_offset, _length, line, character) => descend(line, character),
        onArrayEnd: () => {
          depth -= 1;
        },
        onObjectProperty: (key, _offset, _length, line, character) => {
          if (key === '__proto__') complain('found the key `__proto__`, expected any other name', line, character);
          if (keys.at(-1)?.has(key)) {
            complain(`found the key ${quoteName(key)} a second time, expected each key once`, line, character);
          }
          keys.at(-1)?.add(key);
        },
        onError: (code, offset, length, line, character) => {
          if (!complaint) complain(complaintAt(text, printParseErrorCode(code), offset, length), line, character);
        },
      },
      { disallowComments: true, allowTrailingComma: false },
    );
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // The scan is recursive itself, and its caller may have left little stack.
    return complaint ?? new JsonTextError('found too many levels of nesting, expected fewer');
  }
  return complaint;
}

/** A text with what it takes to find places in it. */
interface Places {
  readonly root: Node | undefined;
  /** The values of each object that was asked for, by key: an object may have a million. */
  readonly members: Map<Node, ReadonlyMap<string, Node>>;
  /** Where each line starts, ascending. */
  readonly lineStarts: readonly number[];
}

function findPlaces(text: string): Places {
  return { root: parseTree(text), members: new Map(), lineStarts: lineStartsOf(text) };
}

function lineStartsOf(text: string): readonly number[] {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return lineStarts;
}

function positionIn({ root, members, lineStarts }: Places, pointer: string): TextPosition | undefined {
  let node = root;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (node?.type === 'object') node = membersOf(node, members).get(key);
    else node = node?.type === 'array' && /^\d+$/.test(key) ? node.children?.[Number(key)] : undefined;
  }
  return node && positionAt(lineStarts, node.offset);
}

function membersOf(object: Node, known: Places['members']): ReadonlyMap<string, Node> {
  let members = known.get(object);
  if (!members) {
    const pairs = (object.children ?? []).map(({ children }) => [children?.[0]?.value, children?.[1]] as const);
    members = new Map(pairs.filter((pair): pair is readonly [string, Node] => pair[1] !== undefined));
    known.set(object, members);
  }
  return members;
}

function positionAt(lineStarts: readonly number[], offset: number): TextPosition {
  let low = 0;
  let high = lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - (lineStarts[low] ?? 0) + 1 };
}
