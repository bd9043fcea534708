/** `like` patterns by the words of policy.md, recursively on code points. Obviously right and exponential: for short texts only. */

/** True when the whole of `text` matches `pattern`. */
export function naiveGlob(pattern: string, text: string): boolean {
  return matches(Array.from(pattern), Array.from(text));
}

function matches(pattern: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return text.length === 0;
  if (head === '*') return matches(rest, text) || (text.length > 0 && matches(pattern, text.slice(1)));
  if (text.length === 0) return false;
  if (head === '?') return matches(rest, text.slice(1));
  if (head === '\\' && rest.length > 0) return rest[0] === text[0] && matches(rest.slice(1), text.slice(1));
  return head === text[0] && matches(rest, text.slice(1));
}
