/** A request in the form it is sent, and what it has cost so far. Sends nothing. */
import { CloudError } from './cloud-error.ts';
import type { PreparedRequest } from './credentials.ts';
import type { Failure, Repeat } from './retry.ts';
import { escapePath, escapeQuery, type Query } from './sign.ts';

/** A request to an API of the cloud. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Scheme and host, with a path before the API's where there is a proxy. */
  readonly baseUrl: URL;
  /** The path's segments, not escaped. */
  readonly path: readonly string[];
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly projectId?: string;
  /**
   * A question to IAM, which knows no projects: an access key signs it without one. A 401 then says nothing about the
   * credentials elsewhere, so other requests go on.
   */
  readonly isGlobal?: boolean;
  readonly repeat: Repeat;
  /** Sendings that may fail, where fewer than the client's own bound. */
  readonly maxFailures?: number;
  /** True for 4xx codes with which the same call may succeed later; sets `retryable` of the error and nothing else. */
  readonly isRetryableCode?: (code: string) => boolean;
}

/** One call: its request in the form it is sent, and what it has cost so far. */
export class Call {
  readonly request: HttpRequest;
  readonly host: string;
  readonly url: string;
  readonly body: string;
  readonly where: { readonly method: string; readonly path: string };
  readonly prepared: PreparedRequest;
  readonly requestIds: string[] = [];
  attempts = 0;
  /** Whether a 401 has had the credentials renewed; once is all a call gets. */
  hasRenewed = false;
  last: Failure | undefined;

  constructor(request: HttpRequest) {
    this.request = request;
    this.host = request.baseUrl.host;
    const path = `${request.baseUrl.pathname.replace(/\/+$/, '')}${escapePath(request.path)}`;
    const query = escapeQuery(request.query ?? {});
    this.where = { method: request.method, path };
    // URLs lose such segments on the way, escaped or not: the request would reach another resource than the one that is signed.
    if (request.path.some((segment) => /^\.{0,2}$/.test(segment))) {
      throw this.error({
        code: 'invalid-id',
        detail: 'not sent, because an id in its path is empty or made of dots',
        retryable: false,
        effect: 'none',
        repeat: 'never',
      });
    }
    this.url = `${request.baseUrl.protocol}//${this.host}${path}${query === '' ? '' : `?${query}`}`;
    this.body = request.body === undefined ? '' : JSON.stringify(request.body);
    this.prepared = {
      method: request.method,
      host: this.host,
      path,
      query,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: this.body,
      ...(request.projectId === undefined ? {} : { projectId: request.projectId }),
      ...(request.isGlobal === undefined ? {} : { isGlobal: request.isGlobal }),
    };
  }

  /** The error for people and programs. */
  error(failure: Failure): CloudError {
    return new CloudError(`${this.where.method} ${this.where.path}: ${failure.detail}`, {
      code: failure.code,
      ...(failure.httpStatus === undefined ? {} : { httpStatus: failure.httpStatus }),
      retryable: failure.retryable,
      effect: failure.effect,
      attempts: this.attempts,
      requestIds: [...this.requestIds],
    });
  }

  /** The error for a wait that does not fit. Nothing is on its way then, and what was sent before did nothing. */
  outOfTime(): CloudError {
    const before = this.last === undefined ? 'before it was sent' : `to send it again after ${this.last.detail}`;
    const detail = `no time left ${before}`;
    return this.error({ code: 'deadline', detail, retryable: true, effect: 'none', repeat: 'never' });
  }
}
