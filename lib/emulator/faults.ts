/** Which requests go wrong, and how: the fault specification of users, compiled, and the functions that tests install. Does no harm itself. */
import { createHash } from 'node:crypto';
import { DURATION_FORM, parseDuration } from './duration.ts';

/** The ways to go wrong. `fault-effects.ts` says what each does. */
export const FAULT_KINDS = [
  'throttle',
  'throttle-retry-after',
  'throttle-400',
  'error-500',
  'error-502',
  'error-503',
  'html',
  'busy',
  'conflict',
  'precondition',
  'reset-before',
  'reset-after',
  'hang',
  'slow',
  'truncated',
  'duplicate-item',
  'vanish-item',
  'missing-field',
  'unknown-state',
  'clock-skew',
] as const;

/** One way to go wrong. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What goes wrong with one request. */
export interface Fault {
  readonly kind: FaultKind;
  /** What stands after `=`: a duration, a field, a state, or `after` (errors that come although the work was done). */
  readonly value?: string;
}

/** What a fault function sees of a request. */
export interface FaultRequest {
  readonly method: string;
  readonly path: string;
  /** Without `?`, as it came. */
  readonly query: string;
  readonly body: string;
}

/** Decides about one request: called once for each, in the order of arrival. */
export type FaultFunction = (request: FaultRequest) => Fault | undefined;

/** One part of a fault specification. */
export interface FaultRule extends Fault {
  /** The chance of each matching request; or `count`, the first so many; or neither: every one. */
  readonly probability?: number;
  readonly count?: number;
  /** Only requests with this method. */
  readonly method?: string;
  /** Only requests whose path and query contain this. */
  readonly contains?: string;
}

/** A compiled fault specification. The first rule that applies to a request wins. */
export type FaultPlan = readonly FaultRule[];

/** A fault specification that cannot be used. `message` is one line. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
  readonly code = 'faults-invalid';
}

const VALUES: Partial<Record<FaultKind, { readonly form: string; readonly accepts: (value: string) => boolean }>> = {
  throttle: { form: DURATION_FORM, accepts: isDuration },
  'throttle-retry-after': { form: DURATION_FORM, accepts: isDuration },
  slow: { form: DURATION_FORM, accepts: isDuration },
  'clock-skew': { form: DURATION_FORM, accepts: isDuration },
  'missing-field': { form: 'a field name', accepts: isWord },
  'unknown-state': { form: 'a state', accepts: isWord },
  'error-500': { form: '`after`', accepts: isAfter },
  'error-502': { form: '`after`', accepts: isAfter },
  'error-503': { form: '`after`', accepts: isAfter },
  html: { form: '`after`', accepts: isAfter },
};

/**
 * Reads `kind[=value][:probability or count][@path-substring or method]…`, several separated by commas, for example
 * `throttle:0.1@POST,slow=800ms@connections,reset-after:1`. A number with a decimal point is a probability, a whole number
 * a count; `@` may be repeated, and then all must hold; a selector in capitals is a method. Throws {@link FaultError}.
 */
export function parseFaults(text: string): FaultPlan {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseRule);
}

function parseRule(part: string): FaultRule {
  const [head = '', ...selectors] = part.split('@');
  const [, name = '', value, amount] = /^([^=:]*)(?:=([^:]*))?(?::(.*))?$/.exec(head) ?? [];
  const kind = FAULT_KINDS.find((known) => known === name);
  if (kind === undefined) {
    throw new FaultError(`fault \`${part}\`: unknown kind \`${name}\`, expected one of ${FAULT_KINDS.join(', ')}`);
  }
  const form = VALUES[kind];
  if (value !== undefined && !form?.accepts(value)) {
    throw new FaultError(
      `fault \`${part}\`: found \`=${value}\`, expected ${form?.form ?? `no value for \`${kind}\``}`,
    );
  }
  const rule = { kind, ...(value === undefined ? {} : { value }), ...parseAmount(part, amount) };
  return Object.freeze({ ...rule, ...parseSelectors(part, selectors) });
}

function parseAmount(part: string, amount: string | undefined): Pick<FaultRule, 'probability' | 'count'> {
  if (amount === undefined) {
    return {};
  }
  if (/^\d{1,9}$/.test(amount) && Number(amount) > 0) {
    return { count: Number(amount) };
  }
  if (/^\d?\.\d+$/.test(amount) && Number(amount) <= 1) {
    return { probability: Number(amount) };
  }
  throw new FaultError(
    `fault \`${part}\`: found \`:${amount}\`, expected a count such as \`:3\` or a probability with a decimal point such as \`:0.1\``,
  );
}

function parseSelectors(part: string, selectors: readonly string[]): Pick<FaultRule, 'method' | 'contains'> {
  const [method, ...methods] = selectors.filter(isMethod);
  const [contains, ...others] = selectors.filter((selector) => !isMethod(selector));
  if (contains === '' || methods.length > 0 || others.length > 0) {
    const found = selectors.map((selector) => `@${selector}`).join('');
    throw new FaultError(`fault \`${part}\`: found \`${found}\`, expected at most one method and one part of a path`);
  }
  return { ...(method === undefined ? {} : { method }), ...(contains === undefined ? {} : { contains }) };
}

function isMethod(selector: string): boolean {
  return /^[A-Z]+$/.test(selector);
}

/**
 * Makes the function that applies a plan. The same requests get the same faults under the same seed, in whatever order
 * concurrent ones arrive: chance is a digest of seed, rule, request and how often that request came before.
 */
export function faultFunction(plan: FaultPlan, seed: number): FaultFunction {
  const used = plan.map(() => 0);
  const repeats = new Map<string, number>();
  const needsChance = plan.some((rule) => rule.probability !== undefined);
  return (request) => {
    const chance = needsChance ? chances(request, seed, repeats) : () => 0;
    for (const [index, rule] of plan.entries()) {
      const isLeft = rule.count === undefined || (used[index] ?? 0) < rule.count;
      if (isLeft && selects(rule, request) && (rule.probability === undefined || chance(index) < rule.probability)) {
        used[index] = (used[index] ?? 0) + 1;
        return rule;
      }
    }
    return undefined;
  };
}

function selects(rule: FaultRule, { method, path, query }: FaultRequest): boolean {
  const isBetweenPages = rule.kind === 'duplicate-item' || rule.kind === 'vanish-item';
  return (
    (rule.method ?? method) === method &&
    (rule.contains === undefined || `${path}?${query}`.includes(rule.contains)) &&
    (!isBetweenPages || isLaterPage(query))
  );
}

/** True when a query asks for a page after the first, in any dialect: only there can a list have changed between pages. */
export function isLaterPage(query: string): boolean {
  return /(?:^|&)(?:offset|start)=0*[1-9]/.test(query);
}

/** Returns the chance of each rule for this request, evenly spread over 0 to 1. */
function chances(
  { method, path, query, body }: FaultRequest,
  seed: number,
  repeats: Map<string, number>,
): (rule: number) => number {
  const key = sha256(JSON.stringify([method, path, query, body])).toString('base64');
  const repeat = repeats.get(key) ?? 0;
  repeats.set(key, repeat + 1);
  return (rule) => sha256(`${seed}:${rule}:${key}:${repeat}`).readUInt32BE() / 2 ** 32;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isDuration(value: string): boolean {
  return parseDuration(value) !== null;
}

function isWord(value: string): boolean {
  return /^\w{1,64}$/.test(value);
}

function isAfter(value: string): boolean {
  return value === 'after';
}
