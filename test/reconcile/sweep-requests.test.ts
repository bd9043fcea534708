import { describe, expect, test } from 'vitest';
import { approverFor, connections, OWN_DOMAIN, service, startCloud } from '../support/emulated-cloud.ts';
import { ACCEPT_ALL, BY_DOMAIN, REJECT_ALL, REQUEST, type RuleDraft } from '../support/run-settings.ts';

const POLICIES: Readonly<Record<string, readonly RuleDraft[]>> = {
  'accept-all': ACCEPT_ALL,
  'reject-all': REJECT_ALL,
  mixed: BY_DOMAIN,
  'hold-all': [],
  'reading counts and tags': [
    { id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 100_000 }, 'service.tags.env': 'prod' } },
  ],
};

describe('sweep', () => {
  const sizes = [1, 7, 100, 1_000, 3_000];
  const table = sizes.flatMap((pending) => Object.keys(POLICIES).map((policy) => ({ pending, policy, accepted: 0 })));
  const crowded = [1, 7, 100, 600].flatMap((pending) =>
    ['accept-all', 'mixed', 'reading counts and tags'].map((policy) => ({ pending, policy, accepted: 4_000 })),
  );

  // At a rate of its own a run takes minutes by its clock, and lists again what it has not acted on yet.
  const paced = [7, 1_000, 3_000].map((pending) => ({ pending, policy: 'mixed', accepted: 4_000, rate: 20 }));

  test.each([...table, ...crowded, ...paced].map((row) => ({ rate: null, ...row })))(
    'takes at most 1.1 × $pending + 20 requests, $policy, beside $accepted accepted, at rate $rate',
    async ({ pending, policy, accepted, rate }) => {
      const isCrowded = accepted > 0;
      const domains = (index: number) => ({
        domain_id: ['a1', 'r1', 'h1'][index % 3] ?? '',
        // Older than everything accepted: reading states back has to go through the whole list.
        ...(isCrowded && { age: `${10_000 - index}s` }),
      });
      const cloud = await startCloud([
        service('s1', connections('e', pending, domains), {
          tags: { env: 'prod' },
          ...(isCrowded && { generate: { connections: accepted, status: 'accepted' } }),
        }),
        service('idle'),
      ]);
      expect(cloud.cloud.service('s1')?.domainId).toBe(OWN_DOMAIN);
      const approver = await approverFor(cloud, {
        rules: POLICIES[policy] ?? [],
        config: { limits: { concurrency: 32, requests_per_second: rate } },
      });
      const { counts } = await approver.sweep(REQUEST);
      expect(counts).toMatchObject({ listed: pending, failed: 0, submitted: 0, superseded: 0 });
      expect(cloud.requests.length).toBeLessThanOrEqual(1.1 * pending + 20);
    },
  );

  test.each([3, 16, 17, 18, 40, 100])(
    'takes at most 1.1 × %d + 20 requests on a service with 16,900 newer connections',
    async (pending) => {
      const cloud = await startCloud([
        service(
          's1',
          connections('e', pending, (index) => ({ domain_id: 'a1', age: `${100_000 - index}s` })),
          {
            generate: { connections: 16_900, status: 'accepted' },
          },
        ),
      ]);
      const config = { limits: { concurrency: 32, requests_per_second: null } };
      const { counts } = await (await approverFor(cloud, { rules: ACCEPT_ALL, config })).sweep(REQUEST);
      expect(counts).toMatchObject({ listed: pending, accepted: pending });
      expect(cloud.requests.length).toBeLessThanOrEqual(1.1 * pending + 20);
    },
  );
});
