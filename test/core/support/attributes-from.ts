/** Builds the attributes of a connection from a case file's spelling. What is not listed is absent. Judges nothing. */
import { type Attributes, kindOfAttribute, parseFact } from '../../../lib/core/attributes.ts';
import type { Fact } from '../../../lib/core/fact.ts';

/** Returns `connection` as attributes, with `null` for every name in `reads` that it does not list. Throws on a value of the wrong kind. */
export function attributesFrom(connection: object, reads: readonly string[] = []): Attributes {
  const attributes = new Map<string, Fact>(reads.map((name) => [name, null]));
  for (const [name, value] of Object.entries(connection)) {
    const kind = kindOfAttribute(name);
    const fact = kind && parseFact(value, kind);
    if (fact === undefined) throw new TypeError(`the case gives \`${name}\` a value that it cannot have`);
    attributes.set(name, fact);
  }
  return attributes;
}
