import { describe, expect, test } from 'vitest';
import { fileError } from '../../lib/audit/file-error.ts';
import { StoreError } from '../../lib/audit/store.ts';

describe('fileError', () => {
  test('says what to do', () => {
    const cause = Object.assign(new Error('x'), { code: 'ENOSPC' });
    expect(fileError('write', '/t/a', cause).message).toBe(
      'cannot write `/t/a`: no space left; make room, or name another place in `audit.store` (ENOSPC)',
    );
  });

  test('keeps a StoreError as it is', () => {
    const error = new StoreError('exists', 'taken');
    expect(fileError('write', '/t/a', error)).toBe(error);
  });

  test.each([new Error('two\nlines'), 'text', Object.assign(new Error('odd'), { code: 'toString' })])(
    'makes one line of %s',
    (error) => {
      const result = fileError('read', '/t/a', error);
      expect(result.code).toBe('io');
      expect(result.message).not.toContain('\n');
    },
  );
});
