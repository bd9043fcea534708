/** Remembers an answer that does not change. Knows no API. */

/** Returns a function that asks until it gets an answer, and then gives that one for good. A failure is not remembered. */
export function askOnce<Options, Answer>(
  ask: (options: Options) => Promise<Answer>,
): (options: Options) => Promise<Answer> {
  let answer: { readonly value: Answer } | undefined;
  return async (options) => {
    answer ??= { value: await ask(options) };
    return answer.value;
  };
}
