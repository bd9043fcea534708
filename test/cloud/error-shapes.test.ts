import { describe, expect, test } from 'vitest';
import { readErrorAnswer } from '../../lib/cloud/error-shapes.ts';
import { parseJson } from '../../lib/cloud/parse-json.ts';
import answers from '../fixtures/cloud/error-answers.json' with { type: 'json' };

describe('readErrorAnswer', () => {
  test.each(answers)('reads $name', ({ body, expected }) => {
    expect(readErrorAnswer(parseJson(new TextEncoder().encode(body)))).toEqual(expected);
  });

  test('gives up on nesting that no vendor documents', () => {
    let body: unknown = { error_code: 'EndPoint.2013' };
    for (let depth = 0; depth < 50; depth += 1) body = { inner: body };
    expect(readErrorAnswer(body)).toEqual({});
  });
});
