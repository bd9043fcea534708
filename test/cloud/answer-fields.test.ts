import { describe, expect, test } from 'vitest';
import { readTags, whitelistOf } from '../../lib/cloud/answer-fields.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';

describe('readTags', () => {
  test.each([
    { name: 'no list', value: undefined, tags: UNKNOWN },
    { name: 'null', value: null, tags: UNKNOWN },
    { name: 'an object', value: { env: 'prod' }, tags: UNKNOWN },
    { name: 'an item that is no tag', value: ['env'], tags: UNKNOWN },
    { name: 'a tag without a key', value: [{ value: 'prod' }], tags: UNKNOWN },
    { name: 'a tag with an empty key', value: [{ key: '', value: 'prod' }], tags: UNKNOWN },
    { name: 'an empty list', value: [], tags: new Map() },
    { name: 'a tag', value: [{ key: 'env', value: 'prod' }], tags: new Map([['env', 'prod']]) },
    { name: 'an empty value', value: [{ key: 'env', value: '' }], tags: new Map([['env', '']]) },
    { name: 'a tag without a value', value: [{ key: 'env' }], tags: new Map([['env', UNKNOWN]]) },
    { name: 'a value that is no text', value: [{ key: 'env', value: null }], tags: new Map([['env', UNKNOWN]]) },
    {
      name: 'a key twice with one value',
      value: [
        { key: 'env', value: 'a' },
        { key: 'env', value: 'a' },
      ],
      tags: new Map([['env', 'a']]),
    },
    {
      name: 'a key with two values',
      value: [
        { key: 'env', value: 'a' },
        { key: 'env', value: 'b' },
        { key: 'env', value: 'b' },
        { key: 'x', value: '1' },
      ],
      tags: new Map<string, unknown>([
        ['env', UNKNOWN],
        ['x', '1'],
      ]),
    },
    {
      name: 'a key that every object has',
      value: [{ key: '__proto__', value: 'a' }],
      tags: new Map([['__proto__', 'a']]),
    },
  ])('reads $name', ({ value, tags }) => {
    expect(readTags(value)).toEqual(tags);
  });
});

describe('whitelistOf', () => {
  test.each([
    { name: 'nobody', permissions: [], whitelist: { isOpen: false, domainIds: [], others: [] } },
    { name: 'everybody', permissions: ['*'], whitelist: { isOpen: true, domainIds: [], others: [] } },
    {
      name: 'every account',
      permissions: ['iam:domain::*', 'iam:domain::d1'],
      whitelist: { isOpen: true, domainIds: ['d1'], others: [] },
    },
    {
      name: 'accounts, each once, in either spelling',
      permissions: ['iam:domain::d1', 'd2', 'iam:domain::d2'],
      whitelist: { isOpen: false, domainIds: ['d1', 'd2'], others: [] },
    },
    {
      name: 'what is no account, as it is',
      permissions: ['organizations:orgPath::o-1/*', 'iam:domain::', 'iam:user::u'],
      whitelist: {
        isOpen: false,
        domainIds: [],
        others: ['organizations:orgPath::o-1/*', 'iam:domain::', 'iam:user::u'],
      },
    },
  ])('reads $name', ({ permissions, whitelist }) => {
    expect(whitelistOf(permissions)).toEqual(whitelist);
  });
});
