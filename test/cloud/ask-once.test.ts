import { describe, expect, test } from 'vitest';
import { askOnce } from '../../lib/cloud/ask-once.ts';

describe('askOnce', () => {
  test('asks until it is answered, and then no more', async () => {
    const answers = [Promise.reject(new Error('not now')), Promise.resolve('first'), Promise.resolve('second')];
    answers[0]?.catch(() => {});
    const asked: string[] = [];
    const ask = askOnce((who: string) => {
      asked.push(who);
      return answers[asked.length - 1] ?? Promise.resolve('none');
    });
    await expect(ask('a')).rejects.toThrow('not now');
    expect([await ask('b'), await ask('c')]).toEqual(['first', 'first']);
    expect(asked).toEqual(['a', 'b']);
  });
});
