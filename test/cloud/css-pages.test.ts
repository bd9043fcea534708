import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCssLists } from '../../lib/cloud/css-pages.ts';
import type { Query } from '../../lib/cloud/sign.ts';

interface Words {
  readonly parameter: 'offset' | 'start';
  readonly first: 0 | 1;
}

/** A region's list: pages of at most `most` items, counted in its words; the other parameter is ignored. */
function listIn({ parameter, first }: Words, most: number, listAt: (call: number) => readonly string[]) {
  const queries: Query[] = [];
  const fetchPage = async (query: Query) => {
    const list = listAt(queries.length);
    queries.push(query);
    const begin = Number(query[parameter] ?? first) - first;
    return { items: list.slice(begin, begin + Math.min(most, Number(query['limit'] ?? 10))), total: list.length };
  };
  return { queries, fetchPage };
}

const self = (item: string) => item;
const items = (count: number) => Array.from({ length: count }, (_, index) => `e${index}`);

const WORDS: readonly Words[] = [
  { parameter: 'offset', first: 0 },
  { parameter: 'offset', first: 1 },
  { parameter: 'start', first: 0 },
  { parameter: 'start', first: 1 },
];

describe('createCssLists', () => {
  test.each(WORDS)('asks once for what fits on a page, by $parameter from $first', async (words) => {
    const { fetchPage, queries } = listIn(words, 1_000, () => items(1_000));
    expect(await createCssLists()(fetchPage, self)).toMatchObject({ isComplete: true, pages: 1 });
    expect(queries).toEqual([{ limit: 1_000 }]);
  });

  test.each(WORDS)('reads all of a long list, by $parameter from $first', async (words) => {
    const { fetchPage } = listIn(words, 10, () => items(40));
    const read = await createCssLists()(fetchPage, self);
    expect(read).toMatchObject({ isComplete: true });
    expect(read.items).toEqual(items(40));
  });

  test('does not ask by a parameter again that is not known here', async () => {
    const { fetchPage, queries } = listIn({ parameter: 'start', first: 1 }, 10, () => items(25));
    const readList = createCssLists();
    await readList(fetchPage, self);
    const before = queries.length;
    await readList(fetchPage, self);
    expect(queries.slice(before).some((query) => 'offset' in query)).toBe(false);
    expect(queries.slice(0, before).filter((query) => 'offset' in query)).toHaveLength(1);
  });

  test('does not call a list complete whose paging nobody understands', async () => {
    const fetchPage = async () => ({ items: items(10), total: 25 });
    const read = await createCssLists()(fetchPage, self);
    expect(read).toMatchObject({ isComplete: false });
    expect(read.items).toEqual(items(10));
  });

  test('yields each item once, in whatever words and page sizes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...WORDS),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(40),
        async (words, most, count) => {
          const { fetchPage } = listIn(words, most, () => items(count));
          const read = await createCssLists()(fetchPage, self);
          expect(read.items).toEqual(items(count));
          expect(read.isComplete).toBe(true);
        },
      ),
    );
  });

  test('yields each item once, and all that stayed, while others come and are shown twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...WORDS),
        fc.integer({ min: 2, max: 12 }),
        fc.nat(30),
        fc.array(fc.nat(3), { maxLength: 6 }),
        async (words, most, count, arrivals) => {
          const listAt = (call: number) => {
            const arrived = arrivals.slice(0, call).reduce((sum, number) => sum + number, 0);
            return [...Array.from({ length: arrived }, (_, index) => `new-${arrived - index}`), ...items(count)];
          };
          const { fetchPage } = listIn(words, most, listAt);
          const read = await createCssLists()(fetchPage, self);
          expect(new Set(read.items).size).toBe(read.items.length);
          // What was not seen whole says so.
          const missing = items(count).filter((item) => !read.items.includes(item));
          expect(read.isComplete ? missing : []).toEqual([]);
        },
      ),
    );
  });
});
