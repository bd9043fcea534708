/** The pieces a checked file form is made of: each reads one value or says where, what was found and what was expected. Knows no scenario. */

/** A scenario that cannot be used. `message` is one line: where (JSON pointer), found, expected. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly code = 'scenario-invalid';
}

/** Returns the value in its checked form, or throws {@link ScenarioError}; `where` is the value's JSON pointer. */
export type Reader<T> = (value: unknown, where: string) => T;

/** Throws {@link ScenarioError} for the value at `where`. */
export function fail(where: string, found: string, expected: string): never {
  throw new ScenarioError(
    `scenario ${where === '' ? 'as a whole' : `\`${where}\``}: found ${found}, expected ${expected}`,
  );
}

/** Reads text that `accepts` takes. `expected` goes into the error. */
export function text(expected: string, accepts: (value: string) => boolean): Reader<string> {
  return (value, where) => {
    return typeof value === 'string' && accepts(value) ? value : fail(where, describe(value), expected);
  };
}

/** Reads one of the given texts. */
export function choice<const T extends string>(options: readonly T[]): Reader<T> {
  return (value, where) => {
    const found = options.find((option) => option === value);
    return found ?? fail(where, describe(value), `one of ${options.map((option) => `\`${option}\``).join(', ')}`);
  };
}

/** Reads a whole number within bounds, both included. */
export function integer(least: number, most: number): Reader<number> {
  return (value, where) => {
    const isFit = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
    return isFit ? value : fail(where, describe(value), `a whole number from ${least} to ${most}`);
  };
}

/** Reads true or false. */
export const flag: Reader<boolean> = (value, where) => {
  return typeof value === 'boolean' ? value : fail(where, describe(value), 'true or false');
};

/** Reads an array. */
export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, where) => {
    return Array.isArray(value)
      ? value.map((entry: unknown, index) => item(entry, `${where}/${index}`))
      : fail(where, describe(value), 'an array');
  };
}

/** Reads an object with free keys. */
export function map<T>(item: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, where) => {
    const entries = entriesOf(value, where);
    return Object.fromEntries(entries.map(([key, entry]) => [key, item(entry, `${where}/${escapeKey(key)}`)]));
  };
}

/** Reads an object with exactly these keys, of which `required` must be there. `$comment` is allowed everywhere and dropped. */
export function record<T extends object>(
  required: readonly (keyof T & string)[],
  fields: { readonly [K in keyof T]-?: Reader<Exclude<T[K], undefined>> },
): Reader<T> {
  const names = Object.keys(fields);
  return (value, where) => {
    const result: Record<string, unknown> = {};
    for (const [key, entry] of entriesOf(value, where)) {
      if (key === '$comment') {
        continue;
      }
      if (!names.includes(key)) {
        fail(`${where}/${escapeKey(key)}`, 'an unknown key', `one of ${names.map((name) => `\`${name}\``).join(', ')}`);
      }
      result[key] = fields[key as keyof T](entry, `${where}/${escapeKey(key)}`);
    }
    for (const key of required) {
      if (!Object.hasOwn(result, key)) {
        fail(`${where}/${key}`, 'nothing', 'a value, for it is required');
      }
    }
    return result as T;
  };
}

function entriesOf(value: unknown, where: string): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : fail(where, describe(value), 'an object');
}

function describe(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 80 ? `\`${json.slice(0, 77)}…\`` : `\`${json}\``;
}

/** RFC 6901. */
function escapeKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
