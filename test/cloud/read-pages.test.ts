import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPages, type ListPage } from '../../lib/cloud/read-pages.ts';

/** Pages of a list of ids; `null` stands for an item without one. The list may change from call to call. */
function pagesOf(
  listAt: (call: number) => readonly (string | null)[],
  size: number,
  totalAt?: (call: number) => number | undefined,
) {
  const offsets: number[] = [];
  const fetchPage = async (offset: number): Promise<ListPage<string>> => {
    const call = offsets.length;
    offsets.push(offset);
    const list = listAt(call);
    return { items: list.slice(offset, offset + size), total: totalAt === undefined ? list.length : totalAt(call) };
  };
  return { offsets, fetchPage };
}

const self = (item: string) => item;

describe('readPages', () => {
  test('reads every page once and no page too many', async () => {
    const { fetchPage, offsets } = pagesOf(() => ['a', 'b', 'c', 'd', 'e'], 2);
    expect(await readPages(fetchPage, self)).toEqual({
      items: ['a', 'b', 'c', 'd', 'e'],
      isComplete: true,
      pages: 3,
      total: 5,
    });
    expect(offsets).toEqual([0, 2, 4]);
  });

  test('takes an empty list for complete', async () => {
    expect(await readPages(pagesOf(() => [], 2).fetchPage, self)).toMatchObject({
      items: [],
      isComplete: true,
      pages: 1,
    });
  });

  test('goes on after a page that is shorter than asked for, while the count says that there is more', async () => {
    const { fetchPage } = pagesOf(() => ['a', 'b', 'c'], 1);
    expect(await readPages(fetchPage, self)).toMatchObject({ isComplete: true, pages: 3 });
  });

  test('reads again when an item has slipped to a page that was read already', async () => {
    // `a` goes away after the first page: `c` moves to its end, where nobody looks any more.
    const { fetchPage, offsets } = pagesOf((call) => (call === 0 ? ['a', 'b', 'c'] : ['b', 'c']), 2);
    expect(await readPages(fetchPage, self)).toMatchObject({ items: ['a', 'b', 'c'], isComplete: true, pages: 3 });
    expect(offsets).toEqual([0, 2, 0]);
  });

  test('does not call a list complete that never stood still', async () => {
    const { fetchPage } = pagesOf((call) => ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].slice(call), 2);
    const read = await readPages(fetchPage, self);
    expect(read.isComplete).toBe(false);
  });

  test('does not call a list complete whose count stays out of reach', async () => {
    const { fetchPage } = pagesOf(
      () => ['a', 'b'],
      2,
      () => 3,
    );
    expect(await readPages(fetchPage, self)).toMatchObject({ items: ['a', 'b'], isComplete: false, pages: 6 });
  });

  test('counts everything seen in all passes when the count stood still', async () => {
    // An order that is not stable shows one item twice and hides another, each time a different one.
    const orders = [
      ['a', 'b'],
      ['b', 'a'],
      ['c', 'a'],
      ['a', 'c'],
    ];
    let call = -1;
    const fetchPage = async () => {
      call += 1;
      return { items: orders[call % 4]?.slice(0, 2) ?? [], total: 3 };
    };
    expect(await readPages(fetchPage, self)).toMatchObject({ isComplete: true });
  });

  test('does not read again for an item without an id, and says that something is missing', async () => {
    const { fetchPage } = pagesOf(() => ['a', null, 'c'], 10);
    expect(await readPages(fetchPage, self)).toMatchObject({ items: ['a', 'c'], isComplete: false, pages: 1 });
  });

  test.each([
    { name: 'one page', size: 10, isComplete: true, pages: 2 },
    { name: 'several pages', size: 2, isComplete: false, pages: 3 },
  ])('without a count, trusts a list of one page only: $name', async ({ size, isComplete, pages }) => {
    const { fetchPage } = pagesOf(
      () => ['a', 'b', 'c'],
      size,
      () => undefined,
    );
    expect(await readPages(fetchPage, self)).toMatchObject({ items: ['a', 'b', 'c'], isComplete, pages });
  });

  test('without a count, trusts one page although the end of the list is shown again', async () => {
    // Offsets that begin at 1: asked for what comes after three items, the server begins with the third.
    const shown = [['a', 'b', 'c'], ['c'], []];
    let call = 0;
    const fetchPage = async () => ({ items: shown[call++] ?? [], total: undefined });
    expect(await readPages(fetchPage, self)).toMatchObject({ items: ['a', 'b', 'c'], isComplete: true, pages: 3 });
  });

  test('leaves a server that sends the same page for ever', async () => {
    expect(await readPages(async () => ({ items: ['a', 'b'], total: 1_000_000 }), self)).toMatchObject({
      items: ['a', 'b'],
      isComplete: false,
      pages: 9,
    });
  });

  test('stops as soon as it has seen enough', async () => {
    const { fetchPage } = pagesOf(() => ['a', 'b', 'c', 'd'], 1);
    expect(await readPages(fetchPage, self, (seen) => seen.has('b'))).toMatchObject({
      items: ['a', 'b'],
      isComplete: false,
      pages: 2,
    });
  });

  test('shows each item once, as it was last seen, whatever the pages repeat', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 8 }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.nat(40),
        async (pages, total) => {
          let call = 0;
          const fetchPage = async () => {
            const ids = pages[call % pages.length] ?? [];
            call += 1;
            return { items: ids.map((id) => ({ id: `${id}`, call })), total };
          };
          const read = await readPages(fetchPage, ({ id }) => id);
          const ids = read.items.map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(!read.isComplete || ids.length >= total).toBe(true);
          for (const { id, call: seenAt } of read.items) {
            const shown = Array.from({ length: call }, (_, index) => index + 1);
            expect(seenAt).toBe(shown.findLast((number) => pages[(number - 1) % pages.length]?.includes(Number(id))));
          }
        },
      ),
    );
  });

  test('loses nothing and calls it complete when items only arrive at the top', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(30),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.nat(3), { maxLength: 5 }),
        async (count, size, arrivals) => {
          const base = Array.from({ length: count }, (_, index) => `old-${index}`);
          const listAt = (call: number) => {
            const arrived = arrivals.slice(0, call).reduce((sum, number) => sum + number, 0);
            return [...Array.from({ length: arrived }, (_, index) => `new-${arrived - index}`), ...base];
          };
          const read = await readPages(pagesOf(listAt, size).fetchPage, self);
          for (const id of base) expect(read.items).toContain(id);
        },
      ),
    );
  });
});
