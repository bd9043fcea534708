/** Reads code, message and request id out of an error answer, whichever of the vendor's shapes it has. Judges nothing. */
import { LosslessNumber } from 'lossless-json';

/** What an error answer says of itself; nothing in it has been cleaned. */
export interface ErrorAnswer {
  readonly code?: string;
  readonly message?: string;
  readonly requestId?: string;
}

/**
 * The names a code and its message go by, first match wins: the API gateway and the VPCEP error appendix, CSS as it really
 * answers, the VPCEP tables for each status (inside `error`). The order is that of the vendor's SDKs (`sdkerr/errors.go`).
 */
const SHAPES = [
  ['error_code', 'error_msg'],
  ['errCode', 'externalMessage'],
  ['code', 'message'],
] as const;

/** Deeper than any documented answer; keeps a hostile one from costing more than it is worth. */
const MAX_DEPTH = 5;

/** Returns what an error answer's body says; an empty object when it has none of the documented shapes. */
export function readErrorAnswer(body: unknown): ErrorAnswer {
  const found = findShape(body, 0);
  const requestId = isObject(body) ? text(body['request_id']) : undefined;
  return { ...found, ...(requestId === undefined ? {} : { requestId }) };
}

/**
 * Returns the error that a 2xx answer holds in place of a result, as CSS sends `CSS.0011` with 202; an empty object when it holds
 * none. Only the answer itself counts, and only with a code of the vendor's form: a list may well show items that have failed.
 */
export function readErrorInSuccess(body: unknown): ErrorAnswer {
  if (!isObject(body)) return {};
  for (const object of [body, body['error']]) {
    if (!isObject(object)) continue;
    for (const [codeName, messageName] of SHAPES) {
      const code = text(object[codeName]);
      if (code !== undefined && VENDOR_CODE.test(code)) return compact(code, text(object[messageName]));
    }
  }
  return {};
}

/** `CSS.0011`, `EndPoint.2013`, `APIGW.0301`. */
const VENDOR_CODE = /^[a-z]{2,16}\.\d{4}$/i;

/** Looks at an object itself first, then into each value that is an object, as the SDKs do. One with a code beats one without. */
function findShape(value: unknown, depth: number): ErrorAnswer {
  if (!isObject(value) || depth > MAX_DEPTH) return {};
  let best: ErrorAnswer = {};
  for (const [codeName, messageName] of SHAPES) {
    const answer = compact(text(value[codeName]), text(value[messageName]));
    if (answer.code !== undefined) return answer;
    if (best.message === undefined) best = answer;
  }
  for (const inner of Object.values(value)) {
    const answer = findShape(inner, depth + 1);
    if (answer.code !== undefined) return { ...best, ...answer };
    if (best.message === undefined) best = answer;
  }
  return best;
}

function compact(code: string | undefined, message: string | undefined): ErrorAnswer {
  return { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) };
}

/** A non-empty text, or a number as it was spelled. */
function text(value: unknown): string | undefined {
  if (value instanceof LosslessNumber) return value.value;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(value instanceof LosslessNumber);
}
