/**
 * Decisions per second at 10 to 10,000 rules, side by side in one run, with the deciding rules named in every decision. Before
 * anything is timed, each decision is compared with the plain loop over all rules.
 */
import { availableParallelism, cpus } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { Bench } from 'tinybench';
import type { Attributes } from '../../lib/core/attributes.ts';
import { evaluate } from '../../lib/core/evaluate.ts';
import { explain } from '../../lib/core/explain.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { compilePolicy, type Policy } from '../../lib/core/policy.ts';

const RULE_COUNTS = [10, 100, 1_000, 10_000];
const LIST_LENGTH = 1_000;
const CONNECTIONS = 4_096;
const NOW = Date.parse('2026-11-21T02:00:00Z');

const bench = new Bench({ time: 1_500, warmupTime: 500 });
const loadMs = new Map<string, number>();
for (const count of RULE_COUNTS) {
  const name = `${count.toLocaleString('en')} rules`;
  const document = policyWith(count);
  const before = performance.now();
  const policy = compilePolicy(document);
  loadMs.set(name, performance.now() - before);
  const connections = connectionsFor(count);
  compareWithPlainLoop(policy, connections);
  bench.add(name, () => {
    for (const connection of connections) evaluate(policy, connection, NOW);
  });
}
await bench.run();
print();

/** A tenth of the rules rejects, a twentieth holds, the others accept; three hang on lists of 1,000 accounts, two on no account. */
function policyWith(count: number): object {
  const lists = Object.fromEntries(
    ['gold', 'silver', 'bronze'].map((name) => [
      name,
      Array.from({ length: LIST_LENGTH }, (_, i) => domain(`${name}-${i}`)),
    ]),
  );
  const general = [
    rule('gold', 'accept', { domain_id: { in: '@gold' }, 'service.tags.env': ['prod', 'stage'] }),
    rule('silver', 'accept', { domain_id: { in: '@silver' }, 'service.tags.env': 'stage' }),
    rule('bronze', 'hold', { domain_id: { in: '@bronze' } }),
    rule('freeze', 'hold', { 'service.tags.freeze': { exists: true } }),
    rule('young', 'hold', { age: { lt: '1m' } }),
  ];
  const own = Array.from({ length: count - general.length }, (_, i) =>
    rule(`account-${i}`, i % 10 === 0 ? 'reject' : i % 20 === 1 ? 'hold' : 'accept', {
      domain_id: domain(`account-${i}`),
      'service.tags.env': i % 3 === 0 ? { like: 'pr*' } : ['prod', 'stage'],
      'domain.connections': { lt: 5 },
    }),
  );
  return { version: 1, name: 'bench', lists, rules: [...general, ...own] };
}

function rule(id: string, effect: string, when: object): object {
  return { id, effect, reason: `because of ${id}`, when };
}

function domain(name: string): string {
  return Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
}

function connectionsFor(count: number): readonly Attributes[] {
  return Array.from({ length: CONNECTIONS }, (_, i) => {
    const kinds = ['gold', 'silver', 'bronze', 'account', 'account', 'stranger'];
    const kind = kinds[i % kinds.length] ?? '';
    const domainId = domain(
      kind === 'account' ? `account-${(i * 7_919) % count}` : `${kind}-${(i * 31) % LIST_LENGTH}`,
    );
    return new Map<string, string | number | null | typeof UNKNOWN>([
      ['domain_id', domainId],
      ['service.tags.env', i % 4 === 0 ? 'prod' : 'stage'],
      ['service.tags.freeze', i % 50 === 0 ? UNKNOWN : null],
      ['age', 30 + i],
      ['domain.connections', i % 7],
    ]);
  });
}

function compareWithPlainLoop(policy: Policy, connections: readonly Attributes[]): void {
  for (const connection of connections.slice(0, 500)) {
    const fast = evaluate(policy, connection, NOW);
    if (!isDeepStrictEqual(fast, explain(policy, connection, NOW).decision)) throw new Error('index and loop disagree');
  }
}

function print(): void {
  process.stdout.write(
    `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, one used\n`,
  );
  process.stdout.write('median of all rounds; allow-lists of 1,000 ids; every decision names its rules\n\n');
  for (const task of bench.tasks) {
    if (task.result.state !== 'completed') throw new Error(`${task.name}: ${task.result.state}`);
    const perSecond = (CONNECTIONS * 1_000) / task.result.latency.p50;
    const load = loadMs.get(task.name) ?? 0;
    process.stdout.write(
      `${task.name.padStart(12)}  ${Math.round(perSecond).toLocaleString('en').padStart(10)} decisions/s  compiled in ${load.toFixed(1)} ms\n`,
    );
  }
}
