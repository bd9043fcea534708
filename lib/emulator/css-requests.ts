/** How the CSS API reads what its operations share: paging in the region's words, JSON bodies, and whose project and cluster a path names. */
import type { Cloud, CloudCluster, CloudProject } from './cloud.ts';
import { refuse } from './css-errors.ts';
import type { ApiRequest } from './routes.ts';

/** Returns the project in the path. Does not tell unknown projects from those of other accounts. */
export function projectOf(request: ApiRequest, cloud: Cloud): CloudProject {
  const project = cloud.project(request.params['project_id'] ?? '');
  if (project === undefined || project.domainId !== request.caller.domainId) {
    throw refuse('CSS.0015');
  }
  return project;
}

/** Returns the cluster in the path. */
export function clusterOf(request: ApiRequest, cloud: Cloud): { project: CloudProject; cluster: CloudCluster } {
  const project = projectOf(request, cloud);
  const cluster = cloud.cluster(request.params['cluster_id'] ?? '');
  if (cluster === undefined || cluster.projectId !== project.projectId) {
    throw refuse('CSS.0015');
  }
  return { project, cluster };
}

/** Cuts the page that the request asks for out of all items, counting in the project's words. The other dialect's are ignored. */
export function pageOf<T>(request: ApiRequest, { css }: CloudProject, items: readonly T[]): readonly T[] {
  const limit = numberParameter(request, 'limit', 10, { least: 1, most: 1_000 });
  // Older pages allow beginnings up to 1000 only, newer ones any.
  const bounds = { least: css.firstItem, most: Number.POSITIVE_INFINITY };
  const begin = numberParameter(request, css.pageParameter, css.firstItem, bounds) - css.firstItem;
  const start = begin === 0 ? 0 : begin + request.pageShift;
  return items.slice(start, start + limit);
}

function numberParameter(
  request: ApiRequest,
  name: string,
  fallback: number,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const value = request.query.get(name);
  if (value === null) {
    return fallback;
  }
  const number = Number(value);
  if (!/^\d{1,9}$/.test(value) || number < least || number > most) {
    throw refuse('CSS.0001', `Invalid parameter ${name}.`);
  }
  return number;
}

/** Returns the body as an object that has these keys and no other. Refuses with the name of the key that is wrong. */
export function bodyOf<K extends string>(request: ApiRequest, keys: readonly K[]): Readonly<Record<K, unknown>> {
  if (!/^application\/json\b/i.test(request.headers.get('content-type') ?? '')) {
    throw refuse('CSS.0004');
  }
  if (request.body.length === 0) {
    throw refuse('CSS.0006');
  }
  const body = parse(request.body);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw refuse('CSS.0001');
  }
  const found: Partial<Record<K, unknown>> = {};
  for (const [name, value] of Object.entries(body)) {
    const key = keys.find((known) => known === name);
    if (key === undefined) {
      throw refuse('CSS.0001', `Unrecognized parameter ${name}.`);
    }
    found[key] = value;
  }
  const missing = keys.find((key) => !(key in found));
  if (missing !== undefined) {
    throw refuse('CSS.0001', `Parameter ${missing} is missing.`);
  }
  return found as Record<K, unknown>;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw refuse('CSS.0001', 'The request body is not JSON.');
  }
}
