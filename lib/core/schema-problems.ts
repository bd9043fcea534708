/** Turns what a compiled JSON Schema validator found into problems that a person can act on. */
import type { ErrorObject } from 'ajv';
import { nearestName } from './nearest-name.ts';
import { type Problem, pointerTo, quoteName, quoteValue } from './problem.ts';

/**
 * Returns one problem for each error that ajv found in `document`, each once. The validator must have been compiled with
 * `allErrors` and `verbose`.
 */
export function problemsOf(errors: readonly ErrorObject[], document: unknown): readonly Problem[] {
  const seen = new Map<string, Problem>();
  for (const error of errors) {
    // The pattern error inside says the same with the name in hand.
    if (error.keyword === 'propertyNames') continue;
    const problem = problemOf(error, document);
    // One place can be typed twice, beside a `$ref` and behind it: the shorter list of types is what fits both.
    const key = `${problem.pointer}\n${error.keyword === 'type' ? 'type' : problem.expected}`;
    const before = seen.get(key);
    if (!before || problem.expected.length < before.expected.length) seen.set(key, problem);
  }
  return [...seen.values()];
}

type Describe = (error: ErrorObject) => Problem;

const BY_KEYWORD: Readonly<Record<string, Describe>> = {
  additionalProperties: (error) => {
    const key = String(error.params['additionalProperty']);
    const names = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
    const patterns = Object.entries((error.parentSchema?.['patternProperties'] as object | undefined) ?? {});
    const titles = patterns.map(([, schema]) => (schema as { title?: string }).title ?? '');
    return {
      pointer: pointerTo(error.instancePath, key),
      found: `unknown key ${quoteName(key)}`,
      expected: `one of ${[...names, ...titles].map((name) => `\`${name}\``).join(', ')}`,
      ...suggest(key, [...names, ...titles.map((title) => title.replace('KEY', keyPartOf(key)))]),
    };
  },
  required: (error) => ({
    pointer: error.instancePath,
    found: `no key \`${error.params['missingProperty']}\``,
    expected: `\`${error.params['missingProperty']}\`, which is required`,
  }),
  type: (error) => {
    const types = [error.params['type']].flat() as string[];
    return at(error, types.map((type) => ARTICLES[type] ?? type).join(' or '));
  },
  enum: (error) => {
    const allowed = error.params['allowedValues'] as readonly unknown[];
    const texts = allowed.filter((value) => typeof value === 'string');
    return {
      ...at(error, `one of ${allowed.map(quoteValue).join(', ')}`),
      ...(typeof error.data === 'string' && suggest(error.data, texts)),
    };
  },
  const: (error) => at(error, quoteValue(error.params['allowedValue'])),
  pattern: (error) => {
    if (error.propertyName !== undefined) {
      return {
        pointer: pointerTo(error.instancePath, error.propertyName),
        found: `the name ${quoteName(error.propertyName)}`,
        expected: `a name that matches \`${error.params['pattern']}\``,
      };
    }
    return at(error, `a text that matches \`${error.params['pattern']}\``);
  },
  uniqueItems: (error) => {
    const items = error.data as readonly unknown[];
    const places = [error.params['i'] as number, error.params['j'] as number];
    const again = Math.max(...places);
    return {
      pointer: pointerTo(error.instancePath, again),
      found: `${quoteValue(items[again])} again`,
      expected: `items that differ; it also stands at ${Math.min(...places)}`,
    };
  },
  minLength: (error) => at(error, atLeast(error, 'character')),
  maxLength: (error) => at(error, atMost(error, 'character')),
  minItems: (error) => at(error, atLeast(error, 'item')),
  maxItems: (error) => at(error, atMost(error, 'item')),
  minProperties: (error) => at(error, atLeast(error, 'key')),
  maxProperties: (error) => at(error, atMost(error, 'key')),
  minimum: (error) => at(error, `a number from ${error.params['limit']} up`),
  maximum: (error) => at(error, `a number up to ${error.params['limit']}`),
  exclusiveMinimum: (error) => at(error, `a number above ${error.params['limit']}`),
};

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a finite number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
  null: 'null',
};

function problemOf(error: ErrorObject, document: unknown): Problem {
  const describe = BY_KEYWORD[error.keyword];
  if (describe) return describe(error);
  return {
    pointer: error.instancePath,
    found: quoteValue(error.data ?? document),
    expected: `what ${error.message ?? 'the schema asks for'}`,
  };
}

function at(error: ErrorObject, expected: string): Problem {
  return { pointer: error.instancePath, found: quoteValue(error.data), expected };
}

function atLeast(error: ErrorObject, noun: string): string {
  return `at least ${counted(error.params['limit'] as number, noun)}`;
}

function atMost(error: ErrorObject, noun: string): string {
  return `at most ${counted(error.params['limit'] as number, noun)}`;
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

function suggest(name: string, candidates: readonly string[]): { suggestion?: string } {
  const suggestion = nearestName(name, candidates);
  return suggestion === undefined ? {} : { suggestion };
}

/** What stands after the second dot of a mistyped `service.tags.KEY`, so that the suggestion carries the author's own key. */
function keyPartOf(name: string): string {
  return name.split('.').slice(2).join('.') || 'KEY';
}
