/** Which account owns a project, asked at IAM v3 (`GET /v3/projects/{project_id}`). Signs nobody in. */
import { UNKNOWN, isUnknown, type Unknown } from '../core/fact.ts';
import { CloudError } from './cloud-error.ts';
import type { CallOptions } from './endpoint-services.ts';
import type { HttpClient } from './http-client.ts';
import { isJsonObject } from './parse-json.ts';

/** What the question takes. */
export interface OwnAccountOptions {
  readonly http: HttpClient;
  /** See `iamUrlOf`. */
  readonly iamUrl: URL;
  readonly projectId: string;
  /** `own_domain_id` of the target, which wins: then IAM is not asked. */
  readonly configured?: string | undefined;
}

/** Returns the id of the account that owns the target's services, or unknown. Never rejects. */
export type OwnAccount = (options: CallOptions) => Promise<string | Unknown>;

/**
 * Returns a function that says who owns the target's services. What IAM says is asked once and then remembered; that it says
 * nothing is remembered for the calls with the same signal, which is for the rest of a run, and asked again by the next one.
 */
export function createOwnAccount({ http, iamUrl, projectId, configured }: OwnAccountOptions): OwnAccount {
  if (configured !== undefined) return () => Promise.resolve(configured);
  let known: string | undefined;
  const asked = new WeakMap<AbortSignal, Promise<string | Unknown>>();

  async function ask(options: CallOptions): Promise<string | Unknown> {
    try {
      const answer = await http.request(
        {
          method: 'GET',
          baseUrl: iamUrl,
          path: ['v3', 'projects', projectId],
          projectId,
          isGlobal: true,
          repeat: 'freely',
          // A function inside a VPC may not reach IAM at all; what is only good to know is not worth a minute of its time.
          maxFailures: 2,
        },
        options,
      );
      return readOwner(answer.body, projectId);
    } catch (error) {
      if (error instanceof CloudError) return UNKNOWN;
      throw error;
    }
  }

  return async (options) => {
    if (known !== undefined) return known;
    const asking = asked.get(options.signal) ?? ask(options);
    asked.set(options.signal, asking);
    const owner = await asking;
    if (!isUnknown(owner)) known = owner;
    return owner;
  };
}

/** Returns `project.domain_id` of an answer about this project. */
function readOwner(body: unknown, projectId: string): string | Unknown {
  const project = isJsonObject(body) ? body['project'] : undefined;
  // Fail closed: the owner of another project would have our own access taken for a stranger's.
  if (!isJsonObject(project) || project['id'] !== projectId) return UNKNOWN;
  const owner = project['domain_id'];
  return typeof owner === 'string' && /^[\w-]{1,64}$/.test(owner) ? owner : UNKNOWN;
}
