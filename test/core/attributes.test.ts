/** How facts become attributes, and how attributes are written to audit records and read back. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ATTRIBUTE_NAMES,
  type Attributes,
  attributesOf,
  attributesToJson,
  type ConnectionFacts,
  costsOf,
  kindOfAttribute,
  parseFact,
} from '../../lib/core/attributes.ts';
import type { Connection } from '../../lib/core/connection.ts';
import { evaluate } from '../../lib/core/evaluate.ts';
import { type Fact, isUnknown, UNKNOWN } from '../../lib/core/fact.ts';
import { compilePolicy } from '../../lib/core/policy.ts';
import { arbitraryAttributes, arbitraryNow, arbitraryPolicy } from './support/arbitrary-policy.ts';
import { attributesFrom } from './support/attributes-from.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

const connection: Connection = {
  endpointId: 'ep-1',
  state: 'pending',
  domainId: 'dom-1',
  markerId: '18446744073709551615',
  description: 'please',
  createdAt: '2026-01-01T11:00:00Z',
  record: {},
};

function factsOf(more: Partial<ConnectionFacts> = {}, changes: Partial<Connection> = {}): ConnectionFacts {
  return {
    service: { kind: 'vpcep', region: 'eu-de', projectId: 'proj-1', serviceId: 'svc-1' },
    connection: { ...connection, ...changes },
    serviceFacts: { name: 'pay', serverType: 'LB', tags: new Map([['env', 'prod']]) },
    endpoint: { vpcId: 'vpc-1', projectId: 'proj-2', tags: new Map([['env', 'dev']]) },
    domainConnections: 3,
    now: NOW,
    ...more,
  };
}

function roundTrip(attributes: Attributes): Attributes {
  return attributesFrom(JSON.parse(JSON.stringify(attributesToJson(attributes))));
}

const withTags = (tags: ConnectionFacts['serviceFacts']['tags']) =>
  factsOf({ serviceFacts: { name: 'n', serverType: 'LB', tags } });

function read(name: string, facts: ConnectionFacts): Fact | undefined {
  return attributesOf(facts, [name]).get(name);
}

describe('attributesOf', () => {
  test.each([
    ['domain_id', 'dom-1'],
    ['endpoint_id', 'ep-1'],
    ['marker_id', '18446744073709551615'],
    ['description', 'please'],
    ['age', 3_600],
    ['region', 'eu-de'],
    ['project_id', 'proj-1'],
    ['service.kind', 'vpcep'],
    ['service.id', 'svc-1'],
    ['service.name', 'pay'],
    ['service.server_type', 'LB'],
    ['service.tags.env', 'prod'],
    ['endpoint.vpc_id', 'vpc-1'],
    ['endpoint.project_id', 'proj-2'],
    ['endpoint.tags.env', 'dev'],
    ['domain.connections', 3],
  ])('reads %s', (name, value) => {
    expect(read(name, factsOf())).toBe(value);
  });

  test('reads what was asked for and nothing else', () => {
    expect([...attributesOf(factsOf(), ['region', 'service.tags.no'])]).toEqual([
      ['region', 'eu-de'],
      ['service.tags.no', null],
    ]);
  });

  test('takes a name that is no attribute for unknown', () => {
    for (const name of ['colour', 'toString', '__proto__', 'service.tags.', 'endpoint.tags.', 'service.tags', '']) {
      expect(read(name, factsOf())).toBe(UNKNOWN);
    }
  });

  test.each([
    ['a millisecond short of a second', '2026-01-01T11:59:59.001Z', 0],
    ['exactly a second', '2026-01-01T11:59:59Z', 1],
    ['a second and a bit', '2026-01-01T11:59:58.999Z', 1],
    ['just now', '2026-01-01T12:00:00Z', 0],
    ['a millisecond ahead of our clock', '2026-01-01T12:00:00.001Z', 0],
    ['15 minutes ahead of our clock', '2026-01-01T12:15:00Z', 0],
    ['a time in another zone', '2026-01-01T12:00:00+01:00', 3_600],
  ])('gives the age of a connection created at %s in whole seconds', (_, createdAt, age) => {
    expect(read('age', factsOf({}, { createdAt }))).toBe(age);
  });

  test.each([
    ['further ahead than two clocks can differ', '2026-01-01T12:15:00.001Z'],
    ['in no known form', 'Thu, 1 Jan 2026 11:00:00 GMT'],
    ['empty', ''],
    ['a day that does not exist', '2025-02-30T00:00:00Z'],
    ['unknown', UNKNOWN],
  ])('does not know the age when the creation time is %s', (_, createdAt) => {
    expect(read('age', factsOf({}, { createdAt }))).toBe(UNKNOWN);
  });

  test('takes an age for absent only when the creation time is', () => {
    expect(read('age', factsOf({}, { createdAt: null }))).toBeNull();
  });

  test('keeps facts that are absent or unknown as they are', () => {
    const facts = factsOf(
      { domainConnections: UNKNOWN, serviceFacts: { name: UNKNOWN, serverType: null, tags: new Map() } },
      { domainId: UNKNOWN, description: null },
    );
    expect(read('domain.connections', facts)).toBe(UNKNOWN);
    expect(read('service.name', facts)).toBe(UNKNOWN);
    expect(read('service.server_type', facts)).toBeNull();
    expect(read('domain_id', facts)).toBe(UNKNOWN);
    expect(read('description', facts)).toBeNull();
  });

  test('tells a tag that is not there from tags that could not be read', () => {
    expect(read('service.tags.env', withTags(new Map([['env', 'prod']])))).toBe('prod');
    expect(read('service.tags.env', withTags(new Map([['env', '']])))).toBe('');
    expect(read('service.tags.env', withTags(new Map()))).toBeNull();
    expect(read('service.tags.env', withTags(new Map([['env', null]])))).toBeNull();
    expect(read('service.tags.env', withTags(new Map([['env', UNKNOWN]])))).toBe(UNKNOWN);
    expect(read('service.tags.env', withTags(UNKNOWN))).toBe(UNKNOWN);
    expect(
      read(
        'service.tags.a.b',
        withTags(
          new Map([
            ['a.b', 'x'],
            ['a', 'y'],
          ]),
        ),
      ),
    ).toBe('x');
    for (const key of ['__proto__', 'constructor', 'toString', 'get', 'unknown']) {
      expect(read(`service.tags.${key}`, withTags(new Map()))).toBeNull();
    }
  });

  test('knows nothing about an endpoint that could not be read', () => {
    const facts = factsOf({ endpoint: UNKNOWN });
    for (const name of ['endpoint.vpc_id', 'endpoint.project_id', 'endpoint.tags.env']) {
      expect(read(name, facts)).toBe(UNKNOWN);
    }
  });

  test('knows about an endpoint what could be read of it', () => {
    const facts = factsOf({ endpoint: { vpcId: 'v', projectId: null, tags: UNKNOWN } });
    expect(read('endpoint.vpc_id', facts)).toBe('v');
    expect(read('endpoint.project_id', facts)).toBeNull();
    expect(read('endpoint.tags.env', facts)).toBe(UNKNOWN);
    const tagged = factsOf({ endpoint: { vpcId: UNKNOWN, projectId: 'p', tags: new Map() } });
    expect(read('endpoint.vpc_id', tagged)).toBe(UNKNOWN);
    expect(read('endpoint.tags.env', tagged)).toBeNull();
  });
});

describe('kindOfAttribute', () => {
  test('knows the kinds of the contract', () => {
    expect(kindOfAttribute('age')).toBe('duration');
    expect(kindOfAttribute('domain.connections')).toBe('number');
    const others = ATTRIBUTE_NAMES.filter((name) => name !== 'age' && name !== 'domain.connections');
    expect(others.filter((name) => kindOfAttribute(name) !== 'text')).toEqual([]);
  });

  test('knows no other names', () => {
    for (const name of [
      '',
      'Age',
      'service',
      'service.tags.',
      'endpoint.tags.',
      'xservice.tags.a',
      'constructor',
      '__proto__',
    ]) {
      expect(kindOfAttribute(name)).toBeUndefined();
    }
  });
});

describe('ATTRIBUTE_NAMES', () => {
  test('is the table of the contract', () => {
    expect([...ATTRIBUTE_NAMES].sort()).toEqual(
      [
        [
          'domain_id',
          'endpoint_id',
          'marker_id',
          'description',
          'age',
          'region',
          'project_id',
          'service.kind',
          'service.id',
        ],
        ['service.name', 'service.server_type', 'service.tags.KEY', 'endpoint.vpc_id', 'endpoint.project_id'],
        ['endpoint.tags.KEY', 'domain.connections'],
      ]
        .flat()
        .sort(),
    );
  });

  test('holds the names that the schema has, with matchers of the same kind', () => {
    const schema = JSON.parse(readFileSync(new URL('../../policies/policy.schema.json', import.meta.url), 'utf8'));
    const { properties, patternProperties } = schema.$defs.conditions;
    const inSchema = Object.entries<{ $ref: string; title: string }>({ ...properties, ...patternProperties }).map(
      ([name, row]) => [name in properties ? name : row.title, row.$ref],
    );
    const inTable = ATTRIBUTE_NAMES.map((name) => [name, `#/$defs/${kindOfAttribute(name)}Matcher`]);
    expect(new Map(inSchema as [string, string][])).toEqual(new Map(inTable as [string, string][]));
  });
});

describe('costsOf', () => {
  test('asks for nothing that no attribute needs', () => {
    expect([...costsOf(['domain_id', 'age', 'region', 'service.name', 'service.server_type', 'colour'])]).toEqual([]);
  });

  test('names each costly fact once', () => {
    expect([...costsOf(['service.tags.a', 'service.tags.b'])]).toEqual(['service.tags']);
    expect([...costsOf(['endpoint.vpc_id', 'endpoint.project_id'])]).toEqual(['endpoint']);
    expect([...costsOf(['endpoint.project_id'])]).toEqual(['endpoint']);
    expect([...costsOf(['endpoint.tags.x'])]).toEqual(['endpoint']);
    expect([...costsOf(['domain.connections'])]).toEqual(['domain.connections']);
  });
});

describe('attributesToJson, parseFact', () => {
  test('write durations with a unit and leave the rest as it is', () => {
    const attributes = new Map<string, Fact>([
      ['age', 90],
      ['domain.connections', 90],
      ['region', null],
      ['domain_id', UNKNOWN],
      ['service.tags.__proto__', 'x'],
    ]);
    expect(JSON.stringify(attributesToJson(attributes))).toBe(
      '{"age":"90s","domain.connections":90,"region":null,"domain_id":{"unknown":true},"service.tags.__proto__":"x"}',
    );
    expect(roundTrip(attributes)).toEqual(attributes);
  });

  test('lead to the same decision after a round trip through JSON', () => {
    fc.assert(
      fc.property(arbitraryPolicy, arbitraryAttributes, arbitraryNow, (source, attributes, now) => {
        const policy = compilePolicy(source);
        expect(evaluate(policy, roundTrip(attributes), now)).toEqual(evaluate(policy, attributes, now));
      }),
      { numRuns: 1_000 },
    );
  });

  test('lead to the same decision as the facts they were read from', () => {
    const policy = compilePolicy({
      version: 1,
      name: 'p',
      rules: [{ id: 'a', effect: 'accept', reason: 'r', when: { age: { gte: '15m', lt: '16m' } } }],
    });
    fc.assert(
      fc.property(fc.integer({ min: -1_200_000, max: 1_200_000 }), (offset) => {
        const createdAt = new Date(NOW - offset).toISOString();
        const attributes = attributesOf(factsOf({}, { createdAt }), policy.reads);
        expect(evaluate(policy, roundTrip(attributes), NOW)).toEqual(evaluate(policy, attributes, NOW));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('parseFact', () => {
  test.each([
    ['text', 'x', 'x'],
    ['text', '', ''],
    ['text', null, null],
    ['number', 0, 0],
    ['number', -1.5, -1.5],
    ['number', null, null],
    ['duration', '15m', 900],
    ['duration', '0s', 0],
    ['duration', 900, 900],
    ['duration', 0, 0],
    ['duration', null, null],
  ] as const)('reads as %s %j', (kind, value, fact) => {
    expect(parseFact(value, kind)).toBe(fact);
  });

  test('turns what a file calls unknown into the one unknown', () => {
    for (const kind of ['text', 'number', 'duration'] as const)
      expect(parseFact({ unknown: true }, kind)).toBe(UNKNOWN);
  });

  test.each([
    ['text', 5],
    ['text', true],
    ['text', undefined],
    ['text', ['x']],
    ['text', { unknown: false }],
    ['text', { unknown: 'true' }],
    ['text', {}],
    ['number', '5'],
    ['number', Number.NaN],
    ['number', Number.POSITIVE_INFINITY],
    ['duration', '15'],
    ['duration', 'soon'],
    ['duration', -1],
    ['duration', 1.5],
    ['duration', 2 ** 53],
    ['duration', Number.NaN],
    ['duration', true],
  ] as const)('refuses as %s %j', (kind, value) => {
    expect(parseFact(value, kind)).toBeUndefined();
  });
});

describe('isUnknown', () => {
  test('knows the unknown of the program and of files, and nothing else', () => {
    expect([UNKNOWN, { unknown: true }].map(isUnknown)).toEqual([true, true]);
    const others = [null, undefined, '', 'unknown', 0, true, {}, [], { unknown: false }, new Map([['unknown', true]])];
    expect(others.some(isUnknown)).toBe(false);
    expect(Object.isFrozen(UNKNOWN)).toBe(true);
  });
});
