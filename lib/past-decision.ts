/** Reads what a past decision record says about a connection, so that a policy can be asked about it again. Trusts no field of it. */
import { connectionRefOf } from './audit/record.ts';
import { type Attributes, kindOfAttribute, parseFact } from './core/attributes.ts';
import { type Fact, UNKNOWN } from './core/fact.ts';
import type { Effect } from './core/policy.ts';
import { parseTime } from './core/time.ts';
import { unreadableDocument, DocumentError } from './document-error.ts';
import { JsonTextError, parseJsonText } from './json-text.ts';
import { readBytes } from './policy-file.ts';

/** One decision of the trail. */
export interface PastDecision {
  /** Names the connection, as the record does. */
  readonly subject: string;
  /** When it was decided, in milliseconds since the Unix epoch. */
  readonly time: number;
  /** The connection's, as the cloud gave it; `null` where the record has none. */
  readonly createdAt: string | null;
  readonly domainId: string | null;
  /**
   * Those of the wanted attributes that the record has. What it lacks was never read: it is not in here, and so unknown,
   * never absent.
   */
  readonly attributes: Attributes;
  readonly policy: { readonly name: string; readonly digest: string };
  readonly effect: Effect;
  readonly cause: string;
  readonly rules: readonly string[];
  readonly reason: string;
}

const TYPE = 'vpcep-approver.decision.v1';

/** Returns the decision in an audit record, with those attributes that are among `reads`; or, as a text, why there is none. */
export function readPastDecision(record: unknown, reads: readonly string[]): PastDecision | string {
  if (!isObject(record)) return 'found no object, expected an audit record';
  if (record['type'] !== TYPE) return `found a record of another type, expected one of type \`${TYPE}\``;
  const { subject, data } = record;
  const time = typeof record['time'] === 'string' ? parseTime(record['time']) : null;
  if (time === null) return 'found a decision without a readable `time`, expected an RFC 3339 time';
  if (typeof subject !== 'string' || connectionRefOf(subject) === null) {
    return 'found a decision whose `subject` names no connection, expected kind, region, project, service and endpoint';
  }
  if (!isObject(data)) return 'found a decision without `data`, expected an object';
  const decided = decidedIn(data);
  if (decided === null) return 'found a decision without readable `effect`, `cause`, `rules`, `reason` and `policy`';
  const attributes = readAttributes(data['attributes'], reads);
  if (typeof attributes === 'string') return attributes;
  const connection = isObject(data['connection']) ? data['connection'] : {};
  return {
    subject,
    time,
    createdAt: textOr(connection['created_at']),
    domainId: textOr(connection['domain_id']),
    attributes,
    ...decided,
  };
}

function decidedIn(
  data: Readonly<Record<string, unknown>>,
): Pick<PastDecision, 'policy' | 'effect' | 'cause' | 'rules' | 'reason'> | null {
  const { effect, cause, rules, reason, policy } = data;
  if (effect !== 'accept' && effect !== 'reject' && effect !== 'hold') return null;
  if (typeof cause !== 'string' || typeof reason !== 'string' || !isObject(policy)) return null;
  const { name, digest } = policy;
  if (typeof name !== 'string' || typeof digest !== 'string') return null;
  if (!Array.isArray(rules) || !rules.every((id) => typeof id === 'string')) return null;
  return { policy: { name, digest }, effect, cause, rules, reason };
}

function readAttributes(written: unknown, reads: readonly string[]): Attributes | string {
  if (!isObject(written)) return 'found a decision without `attributes`, expected an object';
  const attributes = new Map<string, Fact>();
  for (const name of reads) {
    if (!Object.hasOwn(written, name)) continue;
    const kind = kindOfAttribute(name);
    const fact = kind && parseFact(written[name], kind);
    if (fact === undefined) return `found a value of \`${name}\` that it cannot have, expected one of its kind`;
    // What the trail's redaction took out is not the value that was decided on.
    attributes.set(name, typeof fact === 'string' && fact.includes('[redacted]') ? UNKNOWN : fact);
  }
  return attributes;
}

/**
 * Reads the decision on line `line`, from 1, of the segment `file`.
 *
 * @throws DocumentError, on one line, when there is no such line or it is no decision.
 */
export function loadPastDecision(file: string, line: number, reads: readonly string[]): PastDecision {
  const decision = readPastDecision(parseLine(file, line), reads);
  if (typeof decision === 'string') throw new DocumentError(file, [`${file}:${line}: ${decision}`]);
  return decision;
}

function parseLine(file: string, line: number): unknown {
  try {
    return parseJsonText(lineOf(readBytes(file), file, line)).value;
  } catch (error) {
    if (error instanceof DocumentError) throw error;
    const placed =
      error instanceof JsonTextError
        ? new JsonTextError(error.message, { line, column: error.position?.column ?? 1 })
        : error;
    throw unreadableDocument(file, 'a segment of the trail', placed);
  }
}

const NEWLINE = 0x0a;

function lineOf(bytes: Uint8Array, file: string, line: number): Uint8Array {
  let start = 0;
  for (let at = 1; start < bytes.length; at++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (at === line) return bytes.subarray(start, end < 0 ? bytes.length : end);
    if (end < 0 || end === bytes.length - 1) {
      throw new DocumentError(file, [`${file}: found ${at} lines, expected to find line ${line}`]);
    }
    start = end + 1;
  }
  throw new DocumentError(file, [`${file}: found nothing in it, expected to find line ${line}`]);
}

function textOr(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
