import { describe, expect, test } from 'vitest';
import { FaultError, faultFunction, type FaultRequest, parseFaults } from '../../lib/emulator/faults.ts';

const request = (more: Partial<FaultRequest> = {}): FaultRequest => ({
  method: 'GET',
  path: '/a',
  query: '',
  body: '',
  ...more,
});

/** The paths that a fault of even chance hits, sorted. */
function hit(seed: number, order: readonly FaultRequest[]): readonly string[] {
  const decide = faultFunction(parseFaults('throttle:0.5'), seed);
  return order.flatMap((item) => (decide(item) === undefined ? [] : [item.path])).sort();
}

describe('parseFaults', () => {
  test('reads kinds, values, amounts and selectors', () => {
    expect(parseFaults(' throttle:0.1@POST, slow=800ms@connections ,reset-after:1@/action@POST,hang,,')).toEqual([
      { kind: 'throttle', probability: 0.1, method: 'POST' },
      { kind: 'slow', value: '800ms', contains: 'connections' },
      { kind: 'reset-after', count: 1, contains: '/action', method: 'POST' },
      { kind: 'hang' },
    ]);
  });

  test.each([
    ['throttel', 'unknown kind `throttel`'],
    ['throttle:0', 'found `:0`'],
    ['throttle:2.5', 'found `:2.5`'],
    ['throttle:often', 'found `:often`'],
    ['throttle:', 'found `:`'],
    ['slow=soon', 'found `=soon`, expected a whole number with ms, s, m, h or d'],
    ['hang=1s', 'expected no value for `hang`'],
    ['error-500=before', 'expected `after`'],
    ['hang@', 'found `@`'],
    ['hang@GET@PUT', 'found `@GET@PUT`'],
    ['hang@a@b', 'found `@a@b`'],
  ])('refuses %s in one line', (text, part) => {
    expect(() => parseFaults(text)).toThrow(FaultError);
    expect(() => parseFaults(text)).toThrow(part);
    expect(() => parseFaults(text)).toThrow(/^fault `[^\n]*$/);
  });
});

describe('faultFunction', () => {
  test('applies a count to the first matching requests', () => {
    const decide = faultFunction(parseFaults('throttle:2@POST'), 1);
    const kinds = ['POST', 'GET', 'POST', 'POST'].map((method) => decide(request({ method }))?.kind);
    expect(kinds).toEqual(['throttle', undefined, 'throttle', undefined]);
  });

  test('looks for the selected part in path and query', () => {
    const decide = faultFunction(parseFaults('hang@/a?x=1'), 1);
    expect(decide(request({ query: 'x=1&y=2' }))?.kind).toBe('hang');
    expect(decide(request({ query: 'y=2' }))).toBeUndefined();
  });

  test('lets the first rule win and leaves the others their counts', () => {
    const decide = faultFunction(parseFaults('throttle:1,hang:1'), 1);
    expect([1, 2, 3].map(() => decide(request())?.kind)).toEqual(['throttle', 'hang', undefined]);
  });

  test('keeps faults between pages for pages after the first', () => {
    const decide = faultFunction(parseFaults('vanish-item:1'), 1);
    expect(decide(request())).toBeUndefined();
    expect(decide(request({ query: 'offset=0' }))).toBeUndefined();
    expect(decide(request({ query: 'start=0' }))).toBeUndefined();
    expect(decide(request({ query: 'limit=5&offset=10' }))?.kind).toBe('vanish-item');
    expect(faultFunction(parseFaults('vanish-item'), 1)(request({ query: 'start=10' }))?.kind).toBe('vanish-item');
  });

  test('gives the same faults under the same seed in any order, and others under another', () => {
    const requests = Array.from({ length: 200 }, (_, index) => request({ path: `/${index % 100}` }));
    expect(hit(7, requests)).toEqual(hit(7, requests.toReversed()));
    expect(hit(7, requests)).not.toEqual(hit(8, requests));
    expect(hit(7, requests).length).toBeGreaterThan(60);
    expect(hit(7, requests).length).toBeLessThan(140);
  });
});
