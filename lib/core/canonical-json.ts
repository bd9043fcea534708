/** RFC 8785 (JCS): the one text form of a JSON value that digests are taken over. Does not parse, and does not hash. */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Returns the canonical form of `value`: keys sorted by UTF-16 code unit, no white space, numbers and strings as ECMAScript
 * writes them. Keys whose value is `undefined` are left out, as in `JSON.stringify`.
 *
 * @throws TypeError on what JSON cannot say: NaN, infinities, lone surrogates, functions, bigints.
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`canonical JSON cannot hold the number ${value}`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
      return canonicalObject(value);
    default:
      throw new TypeError(`canonical JSON cannot hold a ${typeof value}`);
  }
}

function canonicalObject(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    // Default order of `<` on strings is by UTF-16 code unit, which is what RFC 8785 asks for.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${canonicalString(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function canonicalString(value: string): string {
  // A lone surrogate has no UTF-8 form: two different texts would hash alike.
  if (!value.isWellFormed()) throw new TypeError('canonical JSON cannot hold a lone surrogate');
  return JSON.stringify(value);
}
