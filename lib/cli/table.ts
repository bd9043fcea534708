/** Lays out columns of text. The last column takes what is left; on a terminal nothing is wider than the screen. */

/** One cell: its text, and how to dress it once it is cut and padded. */
export interface Cell {
  readonly text: string;
  readonly dress?: (padded: string) => string;
}

const GAP = '  ';

/**
 * Returns the lines of a table. `widths` are the most a column may take on a terminal; where `screen` is `null` nothing is cut.
 * Cut cells end in `…`.
 */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  widths: readonly number[],
  screen: number | null,
): readonly string[] {
  const taken = header.map((title, i) => {
    const longest = Math.max(title.length, ...rows.map((row) => lengthOf(row[i]?.text ?? '')));
    return screen === null ? longest : Math.min(longest, widths[i] ?? longest);
  });
  if (screen !== null) {
    const before = taken.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
    taken[taken.length - 1] = Math.max(10, screen - before);
  }
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, i) => {
        const isLast = i === cells.length - 1;
        const fitted = fit(cell.text, taken[i] ?? 0, isLast);
        return cell.dress ? cell.dress(fitted) : fitted;
      })
      .join(GAP);
  return [line(header.map((text) => ({ text }))), ...rows.map(line)];
}

function fit(text: string, width: number, isLast: boolean): string {
  const points = Array.from(text);
  if (points.length > width) return `${points.slice(0, Math.max(0, width - 1)).join('')}…`;
  return isLast ? text : text + ' '.repeat(width - points.length);
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
