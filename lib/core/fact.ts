/** What is known of one attribute: present, absent or unknown. The same form stands in case files and in audit records. */

/** Could not be read: another account's endpoint, a failed call, a field missing from an answer. Never the same as absent. */
export interface Unknown {
  readonly unknown: true;
}

/** The one unknown value inside the program. Files may carry any `{"unknown": true}`; readers turn those into this one. */
export const UNKNOWN: Unknown = Object.freeze({ unknown: true });

/** A value (present), `null` (known not to be there) or {@link UNKNOWN}. */
export type Fact<T extends string | number = string | number> = T | null | Unknown;

/** True when `fact` could not be read. */
export function isUnknown(fact: unknown): fact is Unknown {
  return fact === UNKNOWN || (typeof fact === 'object' && fact !== null && 'unknown' in fact && fact.unknown === true);
}

/** The tags of a service or an endpoint by key, or unknown as a whole. A key that is not in the map is absent. */
export type Tags = ReadonlyMap<string, Fact<string>> | Unknown;
