/** The errors that adapters make themselves, because of an answer that cannot be used or a call that no cloud would take. Sends nothing. */
import { CloudError } from './cloud-error.ts';
import type { HttpAnswer } from './http-client.ts';

/** A 2xx answer to a read that is JSON and yet not what the API documents. */
export function unreadable(answer: HttpAnswer, where: string, expected: string): CloudError {
  return new CloudError(`${where}: ${answer.status}: the answer is not what the API documents: ${expected}`, {
    code: 'unreadable',
    httpStatus: answer.status,
    retryable: true,
    effect: 'none',
    attempts: answer.attempts,
    requestIds: answer.requestIds,
  });
}

/** A list of which not everything could be seen. */
export function incomplete(where: string, pages: number): CloudError {
  return new CloudError(
    `${where}: the list changed while it was read, or holds items without an id (${pages} pages read)`,
    {
      code: 'unreadable',
      retryable: true,
      effect: 'none',
      attempts: pages,
      requestIds: [],
    },
  );
}

/** A call that was not sent, because this cloud or kind has none (`not-supported`) or would not take it (`invalid-call`). */
export function notSent(code: 'not-supported' | 'invalid-call', call: string, reason: string): CloudError {
  const unsent = { retryable: false, effect: 'none', attempts: 0, requestIds: [] } as const;
  return new CloudError(`${call}: not sent: ${reason}`, { code, ...unsent });
}

/** True for a 404 of the API itself. One of the gateway means that the host or the path is wrong, not that the thing is gone. */
export function saysNotFound(error: CloudError): boolean {
  return error.httpStatus === 404 && !/^apigw?\./i.test(error.code);
}
