/** Reads a paged list to its end although it may change meanwhile, each item once. Knows no API and no item. */

/** One page: items in order, `null` for one that could not be read, and how many the cloud counts over all pages. */
export interface ListPage<Item> {
  readonly items: readonly (Item | null)[];
  readonly total: number | undefined;
}

/** What was read. */
export interface Pages<Item> {
  /** Each id once, in the order of first sight, as last seen. */
  readonly items: readonly Item[];
  /** True when everything that the cloud counted was seen and could be read. */
  readonly isComplete: boolean;
  /** Pages read. */
  readonly pages: number;
  /** The cloud's count, where every page of the last pass named one. */
  readonly total: number | undefined;
}

/** A list that changes while it is read is read again from its start this often. */
const MAX_PASSES = 3;
/** A server that ignores the offset sends the same page for ever. */
const MAX_STALE_PAGES = 2;

/**
 * Reads pages until the list's count is reached or a page is empty. When fewer items were seen than counted, an item has slipped from
 * one page to another between two requests: the list is read again, up to twice, and everything seen counts.
 *
 * INVARIANT: `isComplete` is false when the cloud named no count for a list of several pages, when an item had no id, and when the count moved and no single
 * pass saw all of it.
 */
export async function readPages<Item>(
  fetchPage: (offset: number) => Promise<ListPage<Item>>,
  idOf: (item: Item) => string,
  isEnough: (seen: ReadonlyMap<string, Item>, pages: number) => boolean = () => false,
): Promise<Pages<Item>> {
  const seen = new Map<string, Item>();
  const totals = new Set<number | undefined>();
  let pages = 0;
  for (let pass = 1; ; pass += 1) {
    const before = pages;
    const read = await readPass(fetchPage, idOf, seen, (all, inPass) => isEnough(all, before + inPass));
    pages += read.pages;
    for (const total of read.totals) totals.add(total);
    const total = highest(read.totals);
    const result = (isComplete: boolean): Pages<Item> => ({ items: [...seen.values()], isComplete, pages, total });
    if (total === undefined) return result(read.isOnePage && read.unreadable === 0);
    // What another pass would not cure: items that cannot be read. What it need not: items nobody waits for.
    const missing = total - read.ids;
    if (read.unreadable > 0 && missing <= read.unreadable) return result(false);
    // The highest count of the pass, not the last: the list may have shrunk, and what left may have hidden what stayed.
    if (missing <= 0 && read.unreadable === 0) return result(true);
    if (totals.size === 1 && seen.size >= total && read.unreadable === 0) return result(true);
    if (isEnough(seen, pages) || pass >= MAX_PASSES) return result(false);
  }
}

interface Pass {
  readonly pages: number;
  /** Different ids seen in this pass. */
  readonly ids: number;
  readonly unreadable: number;
  readonly totals: ReadonlySet<number | undefined>;
  /** The first page held everything: what came after it was nothing new, and in the end empty. */
  readonly isOnePage: boolean;
}

async function readPass<Item>(
  fetchPage: (offset: number) => Promise<ListPage<Item>>,
  idOf: (item: Item) => string,
  seen: Map<string, Item>,
  isEnough: (seen: ReadonlyMap<string, Item>, pages: number) => boolean,
): Promise<Pass> {
  const ids = new Set<string>();
  const totals = new Set<number | undefined>();
  let offset = 0;
  let pages = 0;
  let unreadable = 0;
  let stale = 0;
  let first = 0;
  for (;;) {
    const page = await fetchPage(offset);
    pages += 1;
    totals.add(page.total);
    offset += page.items.length;
    const before = ids.size;
    for (const item of page.items) {
      if (item === null) {
        unreadable += 1;
        continue;
      }
      ids.add(idOf(item));
      seen.set(idOf(item), item);
    }
    stale = ids.size > before ? 0 : stale + 1;
    // What was seen counts, not the offset: where offsets begin at 1, the end is reached one item later.
    const isAtEnd = page.items.length === 0 || (page.total !== undefined && ids.size + unreadable >= page.total);
    if (pages === 1) first = ids.size;
    if (isAtEnd || stale >= MAX_STALE_PAGES || isEnough(seen, pages)) {
      const isOnePage = page.items.length === 0 && ids.size === first;
      return { pages, ids: ids.size, unreadable, totals, isOnePage };
    }
  }
}

/** The highest count; `undefined` when a page named none, since then nobody knows. */
function highest(totals: ReadonlySet<number | undefined>): number | undefined {
  let most = 0;
  for (const total of totals) {
    if (total === undefined) return undefined;
    most = Math.max(most, total);
  }
  return most;
}
