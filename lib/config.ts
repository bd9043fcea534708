/** The configuration file: what is governed, how, and where the trail goes. Read once into frozen values with every default filled in. */
import path from 'node:path';
import { validateConfig } from './compiled/config-validator.js';
import type { Profile } from './cloud/regions.ts';
import type { ServiceKind } from './core/connection.ts';
import type { Problem } from './core/problem.ts';
import { quoteName } from './core/problem.ts';
import { problemsOf } from './core/schema-problems.ts';
import { DocumentError, invalidDocument } from './document-error.ts';
import { readJsonFile } from './policy-file.ts';
import type { AcceptedReview, Guard, Run, RunLimits, ServiceSelection } from './reconcile/run.ts';

/** One governed project, as configured. */
export interface TargetConfig {
  readonly kind: ServiceKind;
  readonly profile: Profile;
  readonly region: string;
  readonly projectId: string;
  readonly services: ServiceSelection;
  /** Base URL in place of the region's host. */
  readonly endpoint: string | undefined;
  /** The account that owns the services, where it cannot be looked up. */
  readonly ownDomainId: string | undefined;
}

/** The limits of interfaces.md; `null` is no limit. */
export interface Limits extends RunLimits {
  readonly requestsPerSecond: number | null;
}

/** A checked configuration. Paths are absolute. */
export interface Config {
  /** The file it came from. */
  readonly path: string;
  readonly policyPath: string;
  readonly mode: Run['mode'];
  readonly targets: readonly TargetConfig[];
  /** As written; a path in it is relative to `folder`. */
  readonly auditStore: string;
  readonly folder: string;
  readonly guard: Guard;
  readonly accepted: AcceptedReview;
  /** Whether effect and reason go into the connections' descriptions, where the API has them. */
  readonly annotates: boolean;
  readonly limits: Limits;
}

interface ConfigSource {
  readonly policy: string;
  readonly mode?: Run['mode'];
  readonly targets: readonly TargetSource[];
  readonly audit?: { readonly store?: string; readonly signing_key?: string };
  readonly guard?: Guard;
  readonly annotate?: boolean;
  readonly accepted?: AcceptedReview;
  readonly limits?: {
    readonly concurrency?: number;
    readonly requests_per_second?: number | null;
    readonly rejects_per_run?: number | null;
    readonly accepts_per_domain_per_run?: number | null;
    readonly confirm_seconds?: number;
    readonly run_minutes?: number;
  };
}

interface TargetSource {
  readonly kind: ServiceKind;
  readonly profile?: Profile;
  readonly region: string;
  readonly project_id: string;
  readonly services: string | readonly string[] | { readonly tags: Readonly<Record<string, string>> };
  readonly endpoint?: string;
  readonly own_domain_id?: string;
}

/** Where the configuration is looked for when neither `--config` nor `APPROVER_CONFIG` says. */
export const DEFAULT_CONFIG_PATH = 'policies/approver.json';
const DEFAULT_STORE = 'file:./.approver/audit';

/** The path of the configuration file: the flag, else `APPROVER_CONFIG`, else the default, resolved against `baseDir`. */
export function configPath(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  baseDir: string,
): string {
  return path.resolve(baseDir, flag || env['APPROVER_CONFIG'] || DEFAULT_CONFIG_PATH);
}

/**
 * Reads and checks the configuration file at `file`. `env` gives `APPROVER_MODE`, which wins over the file's `mode`.
 *
 * @throws DocumentError with every problem.
 */
export function loadConfig(file: string, env: Readonly<Record<string, string | undefined>>): Config {
  const text = readJsonFile(file, 'a configuration (name one with `--config` or APPROVER_CONFIG)');
  const complaints: string[] = [];
  const mode = modeOf(env['APPROVER_MODE'], complaints);
  const { lines } = invalidDocument(file, problemsIn(text.value), text.positionOf);
  if (complaints.length + lines.length > 0) throw new DocumentError(file, [...complaints, ...lines]);
  const source = text.value as ConfigSource;
  const folder = path.dirname(file);
  return Object.freeze({
    path: file,
    policyPath: path.resolve(folder, source.policy),
    mode: mode ?? source.mode ?? 'enforce',
    targets: source.targets.map(targetOf),
    auditStore: source.audit?.store ?? DEFAULT_STORE,
    folder,
    guard: source.guard ?? 'report',
    accepted: source.accepted ?? 'off',
    annotates: source.annotate ?? false,
    limits: limitsOf(source.limits ?? {}),
  });
}

/** What `APPROVER_MODE` says; an empty variable counts as unset. A wrong value is a complaint. */
function modeOf(text: string | undefined, complaints: string[]): Run['mode'] | undefined {
  if (!text) return undefined;
  if (text === 'enforce' || text === 'dry-run') return text;
  complaints.push(`APPROVER_MODE: found ${quoteName(text)}, expected \`enforce\` or \`dry-run\``);
  return undefined;
}

function problemsIn(document: unknown): readonly Problem[] {
  if (!validateConfig(document)) return problemsOf(validateConfig.errors ?? [], document).map(inWords);
  const source = document as ConfigSource;
  return unusableHosts(source);
}

/** What a pattern of the schema asks for, for people, by the last part of the pointer. */
const IN_WORDS: Readonly<Record<string, string>> = {
  region: 'a region like `ap-southeast-1`',
  project_id: 'a project id: 1 to 64 letters, digits, `-` and `_`',
  services: '`"all"`, an array of service ids, or `{"tags": {"key": "value"}}`',
  endpoint: 'a base URL like `https://host:port`, without user, query or fragment',
  signing_key: '`env:NAME`, `file:PATH` or `aws-kms:KEY_ID`',
};

function inWords(problem: Problem): Problem {
  const { pointer, found, expected } = problem;
  const key = pointer.slice(pointer.lastIndexOf('/') + 1);
  return {
    ...problem,
    found: key === 'endpoint' ? withoutPassword(found) : found,
    ...(expected.startsWith('a text that matches') &&
      Object.hasOwn(IN_WORDS, key) && { expected: IN_WORDS[key] ?? '' }),
  };
}

/** Somebody may have written user and password before the host; where the text is cut, nobody can tell. */
function withoutPassword(found: string): string {
  return found.includes('@') || found.includes('…') ? 'a text that is not shown, for it may hold a password' : found;
}

/** What the schema's patterns let through and no URL can be made of. */
function unusableHosts({ targets }: ConfigSource): readonly Problem[] {
  return targets.flatMap(({ region, endpoint }, i) => {
    if (endpoint !== undefined) {
      if (URL.canParse(endpoint)) return [];
      return [
        inWords({
          pointer: `/targets/${i}/endpoint`,
          found: quoteName(endpoint),
          expected: IN_WORDS['endpoint'] ?? '',
        }),
      ];
    }
    if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(region)) return [];
    return [{ pointer: `/targets/${i}/region`, found: quoteName(region), expected: IN_WORDS['region'] ?? '' }];
  });
}

function targetOf(source: TargetSource): TargetConfig {
  return {
    kind: source.kind,
    profile: source.profile ?? 'huaweicloud',
    region: source.region,
    projectId: source.project_id,
    services: selectionOf(source.services),
    endpoint: source.endpoint,
    ownDomainId: source.own_domain_id,
  };
}

function selectionOf(source: TargetSource['services']): ServiceSelection {
  if (typeof source === 'string') return { by: 'all' };
  if ('tags' in source) return { by: 'tags', tags: new Map(Object.entries(source.tags)) };
  return { by: 'ids', ids: source };
}

function limitsOf(source: NonNullable<ConfigSource['limits']>): Limits {
  return {
    concurrency: source.concurrency ?? 8,
    requestsPerSecond: source.requests_per_second === undefined ? 20 : source.requests_per_second,
    rejectsPerRun: source.rejects_per_run === undefined ? 50 : source.rejects_per_run,
    acceptsPerDomainPerRun: source.accepts_per_domain_per_run ?? null,
    confirmSeconds: source.confirm_seconds ?? 30,
    runMinutes: source.run_minutes ?? 60,
  };
}
