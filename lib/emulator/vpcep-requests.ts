/** How the VPCEP API reads what its operations share: paging, sorting, JSON bodies, and whose project and service a path names. */
import type { Cloud, CloudProject, CloudService } from './cloud.ts';
import type { ApiRequest } from './routes.ts';
import { refuse, type VpcepErrorCode } from './vpcep-errors.ts';

/** Returns the project in the path. Refuses unknown projects, and projects of other accounts. */
export function projectOf(request: ApiRequest, cloud: Cloud): CloudProject {
  const project = cloud.project(request.params['project_id'] ?? '');
  if (project === undefined) {
    throw refuse('EndPoint.0014');
  }
  if (project.domainId !== request.caller.domainId) {
    throw refuse('EndPoint.0004');
  }
  return project;
}

/**
 * Returns the service in the path. `missing` is what the API says when the project has none: [I] the service's own operations
 * answer 404 `EndPoint.0005`, those on what belongs to it 400 `EndPoint.2003`.
 */
export function serviceOf(
  request: ApiRequest,
  cloud: Cloud,
  missing: VpcepErrorCode = 'EndPoint.2003',
): { project: CloudProject; service: CloudService } {
  const project = projectOf(request, cloud);
  const service = cloud.service(request.params['service_id'] ?? '');
  if (service === undefined || service.projectId !== project.projectId) {
    throw refuse(missing);
  }
  return { project, service };
}

/** Cuts the page that the request asks for out of all that match. `maxLimit` is the largest `limit` the operation takes. */
export function pageOf<T>(request: ApiRequest, items: readonly T[], maxLimit: number): readonly T[] {
  const limit = numberParameter(request, 'limit', 10, 'EndPoint.0006');
  if (limit > maxLimit) {
    throw refuse('EndPoint.0006');
  }
  const offset = numberParameter(request, 'offset', 0, 'EndPoint.0010');
  const start = offset === 0 ? 0 : offset + request.pageShift;
  return items.slice(start, start + limit);
}

/** What a list is sorted by. */
export interface SortRequest {
  readonly key: 'createdAt' | 'updatedAt';
  readonly direction: 'asc' | 'desc';
}

/** Reads `sort_key` and `sort_dir`. The two clouds' documents name the keys differently, and refuse each other's. */
export function sortOf(request: ApiRequest, project: CloudProject): SortRequest {
  const [created, updated] = project.profile === 'otc' ? ['created_at', 'updated_at'] : ['create_at', 'update_at'];
  const key = request.query.get('sort_key') ?? created;
  const direction = request.query.get('sort_dir') ?? 'desc';
  if (key !== created && key !== updated) {
    throw refuse('EndPoint.0017');
  }
  if (direction !== 'asc' && direction !== 'desc') {
    throw refuse('EndPoint.0018');
  }
  return { key: key === created ? 'createdAt' : 'updatedAt', direction };
}

/** Sorts items that come newest first. The default order is returned as it is. */
export function sorted<T extends { readonly createdAt: string; readonly updatedAt: string; readonly id: string }>(
  items: readonly T[],
  { key, direction }: SortRequest,
): readonly T[] {
  if (key === 'createdAt' && direction === 'desc') {
    return items;
  }
  const sign = direction === 'asc' ? 1 : -1;
  return [...items].sort((a, b) => {
    if (a[key] !== b[key]) {
      return a[key] < b[key] ? -sign : sign;
    }
    return a.id < b.id ? -1 : 1;
  });
}

/** Returns the query parameter if it is one of `options`, `null` if it is not given; refuses the rest with `code`. */
export function optionOf<const T extends string>(
  request: ApiRequest,
  name: string,
  options: readonly T[],
  code: VpcepErrorCode,
): T | null {
  const value = request.query.get(name);
  const found = options.find((option) => option === value);
  if (value !== null && found === undefined) {
    throw refuse(code);
  }
  return found ?? null;
}

/** Returns the body as an object with no other than these keys. Refuses with `EndPoint.0002`. */
export function bodyOf<K extends string>(request: ApiRequest, keys: readonly K[]): Partial<Record<K, unknown>> {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(request.body));
  } catch {
    throw refuse('EndPoint.0002');
  }
  return objectWith(body, keys);
}

/** Returns the value as an object with no other than these keys. Refuses with `EndPoint.0002`. */
export function objectWith<K extends string>(value: unknown, keys: readonly K[]): Partial<Record<K, unknown>> {
  const isFit =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).every((key) => keys.some((known) => known === key));
  if (!isFit) {
    throw refuse('EndPoint.0002');
  }
  return value;
}

/** Returns the value as an array of `least` to `most` items. Refuses with `EndPoint.0002`. */
export function arrayOf(value: unknown, least: number, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least || value.length > most) {
    throw refuse('EndPoint.0002');
  }
  return value;
}

/** Returns the value as text that `accepts` takes. Refuses with `EndPoint.0002`. */
export function textOf(value: unknown, accepts: (text: string) => boolean = () => true): string {
  if (typeof value !== 'string' || !accepts(value)) {
    throw refuse('EndPoint.0002');
  }
  return value;
}

function numberParameter(request: ApiRequest, name: string, fallback: number, code: VpcepErrorCode): number {
  const value = request.query.get(name);
  if (value !== null && !/^\d{1,9}$/.test(value)) {
    throw refuse(code);
  }
  return value === null ? fallback : Number(value);
}
