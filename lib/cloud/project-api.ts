/** One project's part of an API: requests below a common path, and pages of its lists. Knows neither the API nor what it lists. */
import type { TargetRef } from '../core/connection.ts';
import type { Unknown } from '../core/fact.ts';
import { unreadable } from './adapter-errors.ts';
import type { HttpRequest } from './call.ts';
import type { CallOptions } from './endpoint-services.ts';
import { handlingOfCode } from './handling.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import type { ListPage } from './read-pages.ts';
import type { Profile } from './regions.ts';
import type { Query } from './sign.ts';

/** What every adapter needs. */
export interface AdapterOptions {
  readonly target: Omit<TargetRef, 'kind'>;
  readonly profile: Profile;
  /** The region's host for the kind (`vpcepUrl`, `cssUrl`); a target's own `endpoint` takes its place. */
  readonly baseUrl: URL;
  readonly http: HttpClient;
  /** Finds out whose services these are; unknown when nobody can say. Rejects with `CloudError` only. */
  readonly ownDomainId: (options: CallOptions) => Promise<string | Unknown>;
}

/** Where the project's part of the API is. */
export interface ProjectApiOptions {
  readonly http: HttpClient;
  readonly baseUrl: URL;
  readonly projectId: string;
  /** The path segments in front of every request's own. */
  readonly root: readonly string[];
}

/** A request below the root. */
export type ProjectRequest = Pick<HttpRequest, 'method' | 'query' | 'body'> & { readonly path: readonly string[] };

/** Sends requests to one project's part of an API. */
export interface ProjectApi {
  /** Sends a request. A read is repeated freely, a change only when the answer proves that nothing was done. */
  readonly send: (request: ProjectRequest, options: CallOptions) => Promise<HttpAnswer>;
  /** Reads one page of a list. Rejects with `unreadable` when `read` finds no list in the answer. */
  readonly page: <Item>(
    path: readonly string[],
    query: Query,
    read: (body: unknown) => ListPage<Item> | undefined,
    options: CallOptions,
  ) => Promise<ListPage<Item>>;
}

/** Returns a project's part of an API. */
export function createProjectApi({ http, baseUrl, projectId, root }: ProjectApiOptions): ProjectApi {
  const send: ProjectApi['send'] = (request, options) =>
    http.request(
      {
        ...request,
        baseUrl,
        path: [...root, ...request.path],
        projectId,
        repeat: request.method === 'GET' ? 'freely' : 'if-nothing-was-done',
        isRetryableCode: (code) => handlingOfCode(code) === 'retry',
      },
      options,
    );
  return {
    send,
    async page(path, query, read, options) {
      const answer = await send({ method: 'GET', path, query }, options);
      const items = read(answer.body);
      const last = root.at(-1) ?? '';
      if (items === undefined) throw unreadable(answer, `GET …/${[last, ...path].join('/')}`, 'expected a list');
      return items;
    },
  };
}
