/** The pattern language of `like`: `*`, `?` and `\`, over Unicode code points. Builds no regular expression: patterns are user text. */

/** A pattern compiled once; see {@link compileGlob}. */
export type Glob = (text: string) => boolean;

/** The token for `*`. */
export const ANY_RUN = -1;
/** The token for `?`. */
export const ANY_ONE = -2;

/**
 * Compiles `pattern`: `*` is any run (also empty), `?` exactly one code point, `\` makes the next character literal, nothing
 * else is special. The whole text has to match, case-sensitively. A `\` at the end stands for itself.
 *
 * The matcher runs in O(text × pattern) at worst and in constant memory: on a mismatch it goes back to the last `*` only,
 * because whatever an earlier `*` could take instead, the last one can take as well.
 */
export function compileGlob(pattern: string): Glob {
  const tokens = globTokens(pattern);
  return (text) => matchesFrom(tokens, text);
}

/** Returns what `pattern` asks for, one after the other: a code point, {@link ANY_ONE} or {@link ANY_RUN}. */
export function globTokens(pattern: string): Int32Array {
  const tokens: number[] = [];
  const points = Array.from(pattern, (character) => character.codePointAt(0) ?? 0);
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as number;
    if (point === 0x5c && i + 1 < points.length) tokens.push(points[++i] as number);
    else if (point === 0x2a) tokens.push(ANY_RUN);
    else if (point === 0x3f) tokens.push(ANY_ONE);
    else tokens.push(point);
  }
  return Int32Array.from(tokens);
}

function matchesFrom(tokens: Int32Array, text: string): boolean {
  let token = 0;
  let at = 0;
  let runToken = -1;
  let runEnd = 0;
  while (at < text.length) {
    const point = text.codePointAt(at) as number;
    const wanted = tokens[token];
    if (wanted === ANY_RUN) {
      runToken = token++;
      runEnd = at;
    } else if (wanted !== undefined && (wanted === ANY_ONE || wanted === point)) {
      token++;
      at += widthOf(point);
    } else if (runToken >= 0) {
      token = runToken + 1;
      runEnd += widthOf(text.codePointAt(runEnd) as number);
      at = runEnd;
    } else {
      return false;
    }
  }
  while (tokens[token] === ANY_RUN) token++;
  return token === tokens.length;
}

/** UTF-16 code units that a code point takes. */
function widthOf(point: number): number {
  return point > 0xffff ? 2 : 1;
}
