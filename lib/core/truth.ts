/** Kleene's strong three-valued logic. As numbers, AND is the minimum, OR the maximum and NOT the mirror image. */

/** False, unknown or true. */
export type Truth = 0 | 1 | 2;
export const FALSE: Truth = 0;
export const UNDECIDED: Truth = 1;
export const TRUE: Truth = 2;

/** How traces and files spell a {@link Truth}. */
export type TruthName = 'true' | 'false' | 'unknown';
const NAMES = ['false', 'unknown', 'true'] as const;

/** Returns the word for `truth`. */
export function nameOfTruth(truth: Truth): TruthName {
  return NAMES[truth];
}

/** False if either is false, else unknown if either is unknown, else true. */
export function and(a: Truth, b: Truth): Truth {
  return a < b ? a : b;
}

/** True if either is true, else unknown if either is unknown, else false. */
export function or(a: Truth, b: Truth): Truth {
  return a > b ? a : b;
}

/** Swaps true and false, keeps unknown. */
export function not(truth: Truth): Truth {
  return (2 - truth) as Truth;
}

/** True for `true`, false for `false`; never unknown. */
export function truthOf(holds: boolean): Truth {
  return holds ? TRUE : FALSE;
}
