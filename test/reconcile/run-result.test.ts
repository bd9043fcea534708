import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConnectionResult, countRun } from '../../lib/reconcile/run-result.ts';

const REF = { kind: 'vpcep', region: 'eu-de', projectId: 'p1', serviceId: 's1', endpointId: 'e1' } as const;

function resultOf(effect: ConnectionResult['effect'], outcome: ConnectionResult['outcome']): ConnectionResult {
  return { ref: REF, domainId: 'd1', effect, cause: 'rule', rules: [], reason: '', outcome };
}

describe('countRun', () => {
  test.each([
    ['accept', { status: 'applied', state: 'accepted' }, { accepted: 1 }],
    ['reject', { status: 'applied', state: 'rejected' }, { rejected: 1 }],
    ['hold', { status: 'withheld', by: 'hold', state: 'pending' }, { held: 1 }],
    ['accept', { status: 'submitted', state: 'creating' }, { submitted: 1 }],
    ['accept', { status: 'failed', state: 'pending' }, { failed: 1 }],
    [null, { status: 'superseded', state: 'accepted' }, { superseded: 1 }],
    ['accept', { status: 'withheld', by: 'dry-run', state: 'pending' }, {}],
    ['reject', { status: 'withheld', by: 'deadline', state: 'pending' }, {}],
  ] as const)('counts a %s with outcome %o as %o', (effect, outcome, counted) => {
    const none = { listed: 1, accepted: 0, rejected: 0, held: 0, superseded: 0, failed: 0, submitted: 0 };
    expect(countRun([resultOf(effect, outcome)])).toEqual({ ...none, ...counted });
  });

  test('counts each connection under at most one name, and all of them as listed', () => {
    const effect = fc.constantFrom('accept' as const, 'reject' as const, 'hold' as const);
    const status = fc.constantFrom('applied' as const, 'submitted' as const, 'withheld' as const, 'failed' as const);
    const result = fc.tuple(effect, status).map(([wanted, reached]) => {
      const isHold = wanted === 'hold';
      return resultOf(wanted, { status: isHold ? 'withheld' : reached, state: 'pending' });
    });
    fc.assert(
      fc.property(fc.array(result), (results) => {
        const { listed, ...rest } = countRun(results);
        const withheld = results.filter(({ effect, outcome }) => effect !== 'hold' && outcome.status === 'withheld');
        expect(listed).toBe(results.length);
        expect(Object.values(rest).reduce((sum, count) => sum + count, 0)).toBe(results.length - withheld.length);
      }),
    );
  });
});
