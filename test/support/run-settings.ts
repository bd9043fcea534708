/** What a run needs, with defaults that send, write and limit as little as possible. */
import type { EndpointServices } from '../../lib/cloud/endpoint-services.ts';
import { compilePolicy, type Policy } from '../../lib/core/policy.ts';
import type { RunRequest, RunSettings } from '../../lib/reconcile/execute.ts';
import type { RunLimits, ServiceSelection } from '../../lib/reconcile/run.ts';
import type { Clock } from '../../lib/clock.ts';
import { memoryStore } from './memory-store.ts';
import { quickClock } from './quick-clock.ts';

/** A rule as a policy file has it; the reason may be left out. */
export interface RuleDraft {
  readonly id: string;
  readonly effect: 'accept' | 'reject' | 'hold';
  readonly when: object;
  readonly unless?: object;
  readonly reason?: string;
}

/** Compiles a policy of these rules. */
export function policyOf(rules: readonly RuleDraft[], change: { readonly default?: 'hold' | 'reject' } = {}): Policy {
  return compilePolicy(policyDocument(rules, change));
}

/** The document of a policy of these rules. */
export function policyDocument(rules: readonly RuleDraft[], change: object = {}): object {
  return {
    version: 1,
    name: 'test',
    ...change,
    rules: rules.map((rule) => Object.assign({ reason: `because of ${rule.id}` }, rule)),
  };
}

/** Domains that begin with `a` are accepted, with `r` rejected, with `h` held; everybody else meets no rule. */
export const BY_DOMAIN: readonly RuleDraft[] = [
  { id: 'accept-a', effect: 'accept', when: { domain_id: { like: 'a*' } } },
  { id: 'reject-r', effect: 'reject', when: { domain_id: { like: 'r*' } } },
  { id: 'hold-h', effect: 'hold', when: { domain_id: { like: 'h*' } } },
];

/** Accepts everybody whose domain is known. */
export const ACCEPT_ALL: readonly RuleDraft[] = [
  { id: 'accept-all', effect: 'accept', when: { domain_id: { exists: true } } },
];

/** Rejects everybody whose domain is known. */
export const REJECT_ALL: readonly RuleDraft[] = [
  { id: 'reject-all', effect: 'reject', when: { domain_id: { exists: true } } },
];

export const NO_LIMITS: RunLimits = {
  concurrency: 8,
  rejectsPerRun: null,
  acceptsPerDomainPerRun: null,
  confirmSeconds: 30,
  runMinutes: 60,
};

let runs = 0;

/** Makes run ids that sort in the order in which they were made, also when the clock stands still. */
export function newTestRunId(clock: Clock): string {
  const hex = clock.now().toString(16).padStart(12, '0');
  runs += 1;
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${runs.toString(16).padStart(12, '0')}`;
}

export interface SettingsDraft extends Partial<Omit<RunSettings, 'limits' | 'policy' | 'targets'>> {
  readonly policy?: Policy;
  readonly ports: readonly EndpointServices[];
  readonly selection?: ServiceSelection;
  readonly limits?: Partial<RunLimits>;
}

/** Returns the settings of runs over all services of these ports. */
export function settingsOf({ ports, selection = { by: 'all' }, limits, ...change }: SettingsDraft): RunSettings {
  return {
    policy: policyOf(BY_DOMAIN),
    mode: 'enforce',
    guard: 'off',
    accepted: 'off',
    annotates: false,
    store: memoryStore(),
    clock: quickClock(),
    newRunId: newTestRunId,
    build: { version: '0.0.0', digest: null },
    targets: ports.map((port) => ({ port, selection })),
    ...change,
    limits: { ...NO_LIMITS, ...limits },
  };
}

/** A request for a run without a time limit of its own. */
export const REQUEST: RunRequest = { trigger: 'cli', requestId: null, budgetMs: null };
