import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../lib/audit/open-store.ts';

describe('openStore', () => {
  test.each([
    { locator: 'file:./.approver/audit', path: '/base/.approver/audit' },
    { locator: '.approver/audit', path: '/base/.approver/audit' },
    { locator: 'file:/var/audit', path: '/var/audit' },
    { locator: 'file:///var/audit', path: '/var/audit' },
    { locator: '/var/audit', path: '/var/audit' },
  ])('opens `$locator`', ({ locator, path }) => {
    expect(openStore(locator, '/base').describe()).toBe(join(path));
  });

  test.each(['', 'file:', 'file://host/audit', 'gs://bucket', 'http://x', 'a\0b'])('refuses %j', (locator) => {
    expect(() => openStore(locator, '/base')).toThrow(
      expect.objectContaining({ name: 'StoreError', code: 'invalid-locator' }),
    );
  });

  test('says that buckets are not available yet', () => {
    expect(() => openStore('s3://bucket/prefix', '/base')).toThrow(
      'cannot use `s3://bucket/prefix` as audit store: bucket stores are not available in this version; use a directory',
    );
  });
});
