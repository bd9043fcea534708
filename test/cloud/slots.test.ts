import { describe, expect, test } from 'vitest';
import { Slots } from '../../lib/cloud/slots.ts';

const NEVER = new AbortController().signal;

describe('Slots', () => {
  test('gives out no more than there are, in the order they were asked for', async () => {
    const slots = new Slots(2);
    const order: number[] = [];
    const ask = async (index: number) => {
      await slots.acquire(NEVER);
      order.push(index);
    };
    const asked = [0, 1, 2, 3].map(ask);
    await Promise.all(asked.slice(0, 2));
    expect(order).toEqual([0, 1]);
    slots.release();
    await asked[2];
    expect(order).toEqual([0, 1, 2]);
    slots.release();
    await asked[3];
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test('lets waiting ones in when it grows', async () => {
    const slots = new Slots(1);
    await slots.acquire(NEVER);
    const waiting = [slots.acquire(NEVER), slots.acquire(NEVER)];
    slots.resize(3);
    expect(await Promise.all(waiting)).toEqual([true, true]);
  });

  test('lets whoever runs out of time leave the line without a place', async () => {
    const slots = new Slots(1);
    await slots.acquire(NEVER);
    const impatient = new AbortController();
    const left = slots.acquire(impatient.signal);
    const stayed = slots.acquire(NEVER);
    impatient.abort();
    expect(await left).toBe(false);
    expect(await slots.acquire(impatient.signal)).toBe(false);
    slots.release();
    expect(await stayed).toBe(true);
  });
});
