/** Gives sets of texts numbers: equal sets, wherever they were written, have one number. Compares by content, at the cost of each set's length once. */

/** Sets by content. */
export class ValueSets {
  readonly #numbers = new Map<ReadonlySet<string>, number>();
  readonly #byHash = new Map<string, number[]>();
  readonly #sets: ReadonlySet<string>[] = [];

  /** Returns the number of `set`, which is that of every set with the same members. */
  numberOf(set: ReadonlySet<string>): number {
    const known = this.#numbers.get(set);
    if (known !== undefined) return known;
    const hash = hashOf(set);
    const alike = this.#byHash.get(hash) ?? [];
    let number = alike.find((each) => isSame(this.#sets[each] as ReadonlySet<string>, set));
    if (number === undefined) {
      number = this.#sets.length;
      this.#sets.push(set);
      this.#byHash.set(hash, [...alike, number]);
    }
    this.#numbers.set(set, number);
    return number;
  }

  /** Returns the set of that number; the same object for all sets with the same members. */
  setOf(number: number): ReadonlySet<string> {
    return this.#sets[number] as ReadonlySet<string>;
  }
}

/** The same for every order of the members. Only narrows the search; equality is checked member by member. */
function hashOf(set: ReadonlySet<string>): string {
  let sum = 0;
  for (const value of set) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193);
    sum = (sum + hash) | 0;
  }
  return `${set.size}:${sum}`;
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size !== b.size) return false;
  for (const value of a) if (!b.has(value)) return false;
  return true;
}
