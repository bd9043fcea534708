/**
 * Reads CSS's lists in whatever words the region understands. The vendor's pages disagree on them: `offset` from 0, `offset` from 1,
 * and `start` from 1 (cloud-apis B). So the first page is asked for without either, which is the first everywhere; later ones by how
 * many items came before, which from 1 shows one item twice and from 0 none. What was seen before is dropped.
 */
import { readPages, type ListPage, type Pages } from './read-pages.ts';
import type { Query } from './sign.ts';

/** The most items of a page; the default would be ten. */
const PAGE_SIZE = 1000;

/** Reads a list to its end, as `readPages` does. */
export type ReadList = <Item>(
  fetchPage: (query: Query) => Promise<ListPage<Item>>,
  idOf: (item: Item) => string,
  isEnough?: (seen: ReadonlyMap<string, Item>, pages: number) => boolean,
) => Promise<Pages<Item>>;

/** Makes a reader for the lists of one target. What it learns of the region's words from one list, it knows for the next. */
export function createCssLists(): ReadList {
  let parameter: 'offset' | 'start' = 'offset';
  return (fetchPage, idOf, isEnough) => {
    type FetchedPage = Awaited<ReturnType<typeof fetchPage>>;
    let first: string | undefined;
    const firstOf = ({ items: [item] }: FetchedPage) => (item === undefined || item === null ? undefined : idOf(item));
    const fetchAfter = async (offset: number): Promise<FetchedPage> => {
      if (offset === 0) {
        const page = await fetchPage({ limit: PAGE_SIZE });
        first = firstOf(page);
        return page;
      }
      const page = await fetchPage({ limit: PAGE_SIZE, [parameter]: offset });
      if (parameter === 'start' || first === undefined || firstOf(page) !== first) return page;
      // The first page once more: the parameter has another name here.
      const other = await fetchPage({ limit: PAGE_SIZE, start: offset });
      if (firstOf(other) === first) return page;
      parameter = 'start';
      return other;
    };
    return readPages(fetchAfter, idOf, isEnough);
  };
}
