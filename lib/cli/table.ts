/** Lays out columns of text. The last column takes what is left and wraps; on a terminal nothing is wider than the screen. */
import { cut, widthOf, wrap } from './text-width.ts';

/** One cell: its text, and how to dress it once it is cut and padded. */
export interface Cell {
  readonly text: string;
  readonly dress?: (padded: string) => string;
}

const GAP = '  ';
/** With less room than this beside the others, the last column stands below them. */
const LAST_MIN = 30;
const BELOW = '    ';

/**
 * Returns the lines of a table. `widths` are the most a column may take on a terminal; where `screen` is `null` nothing is cut or
 * wrapped. Cut cells end in `…`; the last column is never cut.
 */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  widths: readonly number[],
  screen: number | null,
): readonly string[] {
  const natural = header.map((title, i) => {
    const longest = Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i]?.text ?? '')));
    return screen === null ? longest : Math.min(longest, widths[i] ?? longest);
  });
  const taken = natural.slice(0, -1);
  if (screen !== null) shrink(taken, screen);
  const left = screen === null ? Number.POSITIVE_INFINITY : screen - widthTogether(taken) - GAP.length;
  return [header.map((text): Cell => ({ text })), ...rows].flatMap((row, i) => {
    const line = row.slice(0, -1).map((cell, column) => dressed(cell, padded(cell.text, taken[column] ?? 0)));
    const last = row.at(-1) ?? { text: '' };
    if (left >= LAST_MIN) return beside(line.join(GAP), widthTogether(taken), last, left);
    // The title of a column that stands below the others would only be in the way.
    return i === 0 ? [line.join(GAP).trimEnd()] : [line.join(GAP), ...below(last, screen ?? left)];
  });
}

function beside(line: string, width: number, last: Cell, left: number): readonly string[] {
  const [first = '', ...more] = wrap(last.text, left);
  const indent = ' '.repeat(width) + GAP;
  return [`${line}${GAP}${dressed(last, first)}`, ...more.map((text) => indent + dressed(last, text))];
}

function below(last: Cell, screen: number): readonly string[] {
  return wrap(last.text, screen - BELOW.length).map((text) => BELOW + dressed(last, text));
}

/** Takes columns from the widest until all fit. */
function shrink(widths: number[], screen: number): void {
  while (widthTogether(widths) > screen) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= 1) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function widthTogether(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
}

function dressed(cell: Cell, text: string): string {
  return cell.dress ? cell.dress(text) : text;
}

function padded(text: string, width: number): string {
  const fitting = cut(text, width);
  return fitting + ' '.repeat(Math.max(0, width - widthOf(fitting)));
}
