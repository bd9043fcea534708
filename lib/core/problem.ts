/** One thing wrong with a document somebody wrote: where, what was found, what was expected. Knows nothing of files or lines. */
/** A problem at one place of a document. */
export interface Problem {
  /** JSON pointer (RFC 6901); empty for the document itself. */
  readonly pointer: string;
  /** What stands there, for people: short, on one line. */
  readonly found: string;
  /** What should stand there. */
  readonly expected: string;
  /** The nearest valid name, when a name looks like a slip. */
  readonly suggestion?: string;
}

/** Writes a problem on one line: `/rules/0/efect: found …, expected … (did you mean …?)`. */
export function formatProblem(problem: Problem): string {
  const hint = problem.suggestion === undefined ? '' : ` (did you mean \`${problem.suggestion}\`?)`;
  return `${problem.pointer || '/'}: found ${problem.found}, expected ${problem.expected}${hint}`;
}

/** Appends one reference token to a JSON pointer, escaped after RFC 6901. */
export function pointerTo(pointer: string, token: string | number): string {
  return `${pointer}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

const MAX_QUOTED = 80;

/** Shows a value in a message: as JSON in backticks, on one line, cut when long. */
export function quoteValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value) && value.length > 3) return `an array of ${value.length} items`;
  return quoteName(jsonOf(value));
}

/** Shows a name in a message: in backticks, on one line, cut when long. */
export function quoteName(text: string): string {
  const points = Array.from(text.slice(0, 2 * MAX_QUOTED));
  // Beyond twice as many code units there are more code points than fit, whatever they are; they are not counted then.
  const isLong = text.length > 2 * MAX_QUOTED || points.length > MAX_QUOTED;
  const short = isLong ? `${points.slice(0, MAX_QUOTED).join('')}…` : text;
  // Control and direction characters in user text must not reach a terminal.
  return `\`${short.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')}\``;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
