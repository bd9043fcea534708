/** Turns the bytes of an answer into a value without losing a digit. The border at which text from the cloud becomes data. */
import { LosslessNumber, parse } from 'lossless-json';

/**
 * Returns the value of a JSON text, its numbers as {@link LosslessNumber}; `undefined` when the bytes are not UTF-8, not JSON, nested
 * too deeply, or have a key twice with different values (readers disagree on which one counts, so neither does).
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's message quotes the text, which may hold anything, so it goes no further.
    return undefined;
  }
}

/** An object of JSON; every field may be missing. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for an object of JSON: no array, no null, no number in its lossless form. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof LosslessNumber);
}

/** Returns a whole number of at least 0 that a double holds exactly; `undefined` for everything else. */
export function readCount(value: unknown): number | undefined {
  if (!(value instanceof LosslessNumber) || !/^\d{1,15}$/.test(value.value)) return undefined;
  return Number(value.value);
}
