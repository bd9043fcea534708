/** What an API of the local cloud is made of: routes, the requests they get and the answers they give. Knows no API and no transport. */
import type { Cloud } from './cloud.ts';

/** What of a request is signed. */
export interface Message {
  readonly method: string;
  /** The request target without the query, still percent-encoded. */
  readonly path: string;
  /** The query without `?`, still percent-encoded. */
  readonly rawQuery: string;
  /** By lower-case name; values of repeated headers joined by `,`. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A request as it came over the wire, body complete. */
export interface RawRequest extends Message {
  /** The request id that the answer names, 32 hex digits. */
  readonly id: string;
  /** How the gateway in front spells the first part of its codes: `APIG` on Open Telekom Cloud. */
  readonly gateway: 'APIGW' | 'APIG';
}

/** Whose request it is, as the gateway found out. */
export interface Caller {
  /** The account; `null` on routes that nobody signs for. */
  readonly domainId: string | null;
  /** `null` for callers with a token. */
  readonly accessKey: string | null;
}

/** What a route's handler gets. */
export interface ApiRequest extends RawRequest {
  /** The decoded `{name}` parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  /** Decoded. The first of a repeated key counts. */
  readonly query: URLSearchParams;
  readonly caller: Caller;
  /** Items that a page further back begins too early (-1) or too late (1), as when a list changes between pages. */
  readonly pageShift: -1 | 0 | 1;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** An answer. `body` is written as JSON, `undefined` for none. */
export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One operation. */
export interface Route {
  readonly method: string;
  /** Such as `/v1/{project_id}/vpc-endpoints/{id}`; each `{name}` is one segment. */
  readonly path: string;
  /** `signed`: the gateway wants a signature or a token. `open`: anybody on this machine. */
  readonly access: 'signed' | 'open';
  /** Returns the answer, or throws {@link Refusal}. Synchronous, so that a request is one step in the cloud's history. */
  readonly handle: (request: ApiRequest, cloud: Cloud) => ApiAnswer;
}

/** Ends a request with an error answer of the API. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code = 'refused';
  readonly answer: ApiAnswer;

  constructor(answer: ApiAnswer) {
    super(`refused with ${answer.status}`);
    this.answer = answer;
  }
}

/** Finds the route of a request, with the path's parameters, or `null`. A path matches exactly: no trailing slash, no other case. */
export type Router = (method: string, path: string) => { route: Route; params: Record<string, string> } | null;

/** Compiles routes. Where two match, the first wins. */
export function compileRoutes(routes: readonly Route[]): Router {
  const compiled = routes.map((route) => ({ route, parts: route.path.split('/') }));
  return (method, path) => {
    const segments = path.split('/');
    for (const { route, parts } of compiled) {
      if (route.method === method && parts.length === segments.length) {
        const params = matchParts(parts, segments);
        if (params !== null) {
          return { route, params };
        }
      }
    }
    return null;
  };
}

function matchParts(parts: readonly string[], segments: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = decode(segments[index] ?? '');
    if (part.startsWith('{')) {
      if (segment === null || segment === '') {
        return null;
      }
      params[part.slice(1, -1)] = segment;
    } else if (part !== segment) {
      return null;
    }
  }
  return params;
}

/** Returns the percent-decoded text, or `null` when it is malformed. */
export function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
