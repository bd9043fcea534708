/** Kleene's tables, written out. */
import { describe, expect, test } from 'vitest';
import { and, nameOfTruth, not, or, type Truth, truthOf } from '../../lib/core/truth.ts';

const T = 2;
const U = 1;
const F = 0;

describe('and, or', () => {
  test.each<[Truth, Truth, Truth, Truth]>([
    [T, T, T, T],
    [T, U, U, T],
    [T, F, F, T],
    [U, T, U, T],
    [U, U, U, U],
    [U, F, F, U],
    [F, T, F, T],
    [F, U, F, U],
    [F, F, F, F],
  ])('%i and %i is %i, or is %i', (a, b, conjunction, disjunction) => {
    expect(and(a, b)).toBe(conjunction);
    expect(or(a, b)).toBe(disjunction);
  });
});

describe('not', () => {
  test('swaps true and false and keeps unknown', () => {
    expect([not(T), not(U), not(F)]).toEqual([F, U, T]);
  });
});

describe('nameOfTruth', () => {
  test('spells each truth', () => {
    expect([nameOfTruth(T), nameOfTruth(U), nameOfTruth(F)]).toEqual(['true', 'unknown', 'false']);
    expect([truthOf(true), truthOf(false)].map(nameOfTruth)).toEqual(['true', 'false']);
  });
});
