import { describe, expect, test } from 'vitest';
import { readErrorAnswer, readErrorInSuccess } from '../../lib/cloud/error-shapes.ts';
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

const read = (body: string) => readErrorInSuccess(parseJson(new TextEncoder().encode(body)));

describe('readErrorInSuccess', () => {
  test.each([
    '{"errCode":"CSS.0011","externalMessage":"busy"}',
    '{"error_code":"CSS.0011","error_msg":"busy"}',
    '{"code":"CSS.0011","message":"busy"}',
    '{"error":{"code":"CSS.0011","message":"busy"}}',
  ])('finds the error that %s is', (body) => {
    expect(read(body)).toEqual({ code: 'CSS.0011', message: 'busy' });
  });

  test.each([
    '{"connections":[{"id":"e1","status":"failed","error":[{"error_code":"EndPoint.2006","error_message":"m"}]}]}',
    '{"id":"c1","failedReason":{"errCode":"CSS.6000"}}',
    '{"code":"200","message":"ok"}',
    '{"error":null}',
    '[]',
    '""',
  ])('finds none in %s', (body) => {
    expect(read(body)).toEqual({});
  });
});
