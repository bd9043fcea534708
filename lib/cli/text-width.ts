/** How wide text is on a terminal, and how it is cut and wrapped to fit. Knows no layout. */

/** Our own colour sequences, the only ones that reach this far. They take no room. */
// oxlint-disable-next-line no-control-regex
const COLOUR = /\u001B\[[0-9;]*m/g;
/** Combining marks are drawn over what stands before them. */
const NO_COLUMN = /\p{M}/u;
/** East Asian wide and full-width characters, and emoji. A table of blocks: a column too many is better than an overflow. */
const TWO_COLUMNS =
  /[\u1100-\u115F\u231A-\u23FF\u25FD-\u27BF\u2B1B-\u2B55\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{1F000}-\u{1FBFF}\u{20000}-\u{3FFFD}]/u;

/** Returns how many columns `text` takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const point of text.replaceAll(COLOUR, '')) width += widthOfPoint(point);
  return width;
}

function widthOfPoint(point: string): number {
  if (NO_COLUMN.test(point)) return 0;
  return TWO_COLUMNS.test(point) ? 2 : 1;
}

/** Returns `text` when it fits into `width` columns, else as much of it as fits, ending in `…`. Not for coloured text. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return `${headOf(text, width - 1)}…`;
}

function headOf(text: string, width: number): string {
  let head = '';
  let taken = 0;
  for (const point of text) {
    taken += widthOfPoint(point);
    if (taken > width) break;
    head += point;
  }
  return head;
}

/**
 * Breaks one line, which may be coloured, into lines of at most `width` columns. What follows the first is indented two columns
 * deeper. Words break only where they are wider than a line.
 */
export function wrap(line: string, width: number): readonly string[] {
  if (widthOf(line) <= width) return [line];
  const indent = ' '.repeat(Math.min(Math.floor(width / 2), line.search(/[^ ]|$/) + 2));
  const lines: string[] = [];
  let current = '';
  let gap = '';
  const end = () => {
    lines.push(current);
    current = indent;
    gap = '';
  };
  for (const [word] of line.matchAll(/ +|[^ ]+/g)) {
    if (word.startsWith(' ')) {
      gap = word;
      continue;
    }
    let rest = word;
    const isStart = current === '' || current === indent;
    if (!isStart && widthOf(current + gap + rest) > width) end();
    current += gap;
    gap = '';
    while (widthOf(current + rest) > width) {
      const head = headOf(rest, width - widthOf(current));
      // A coloured word is left whole: cutting could go through a sequence. A line that is all indent takes at least a character.
      if (head === '' || rest.includes('\u001B')) break;
      current += head;
      rest = rest.slice(head.length);
      end();
    }
    current += rest;
  }
  lines.push(current);
  return lines;
}
