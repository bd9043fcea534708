/** The IAM v3 API: tokens for passwords and for agencies, and who owns a project. Strict where the documents are, and Keystone in its errors. */
import type { Cloud, CloudProject } from './cloud.ts';
import { type ApiAnswer, type ApiRequest, Refusal, type Route } from './routes.ts';
import type { ScenarioToken } from './scenario.ts';

/**
 * The operations of IAM. Issuing a token is open, for nobody has one yet. A token is good in all projects of its account, although
 * the real one is only good in that of its scope.
 */
export const iamRoutes: readonly Route[] = [
  { method: 'POST', path: '/v3/auth/tokens', access: 'open', handle: createToken },
  { method: 'GET', path: '/v3/projects/{project_id}', access: 'signed', handle: showProject },
];

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
};

/** Returns what ends a request when thrown. Keystone's shape: the code is the status. */
function refuse(status: number, message: string): Refusal {
  return new Refusal({ status, body: { error: { message, code: status, title: TITLES[status] } } });
}

/** Whose token it is going to be. */
interface Subject {
  readonly domainId: string;
  readonly domainName: string;
  /** What the answer says about the user. */
  readonly details: object;
}

function createToken(request: ApiRequest, cloud: Cloud): ApiAnswer {
  if (!/^application\/json\b/.test(request.headers.get('content-type') ?? '')) {
    throw refuse(400, 'Content-Type: expected application/json');
  }
  const { auth } = objectWith(bodyOf(request), ['auth'], 'the body');
  const { identity, scope } = objectWith(auth, ['identity', 'scope'], 'auth');
  const { methods } = objectWith(identity, ['methods', 'password', 'assume_role'], 'auth.identity');
  if (!Array.isArray(methods) || methods.length !== 1) {
    throw refuse(400, 'auth.identity.methods: expected one method');
  }
  const wanted = projectIn(scope);
  switch (methods[0]) {
    case 'password':
      return issue(request, cloud, subjectOfPassword(identity, cloud), wanted, scope);
    case 'assume_role':
      return issue(request, cloud, subjectOfAgency(request, identity, cloud, wanted), wanted, scope);
    default:
      throw refuse(400, 'auth.identity.methods: expected `password` or `assume_role`');
  }
}

function subjectOfPassword(identity: unknown, cloud: Cloud): Subject {
  const { password } = objectWith(identity, ['methods', 'password'], 'auth.identity');
  const { user } = objectWith(password, ['user'], 'auth.identity.password');
  const claim = objectWith(user, ['name', 'password', 'domain'], 'auth.identity.password.user');
  const { name: domainName } = objectWith(claim['domain'], ['name'], 'auth.identity.password.user.domain');
  const name = textOf(claim['name'], 'auth.identity.password.user.name');
  const secret = textOf(claim['password'], 'auth.identity.password.user.password');
  const found = cloud.users.find((each) => each.name === name && each.domain_name === domainName);
  if (found === undefined || found.password !== secret) {
    throw refuse(401, 'The username or password is wrong.');
  }
  const domain = { id: found.domain_id, name: found.domain_name };
  return {
    domainId: domain.id,
    domainName: domain.name,
    details: { methods: ['password'], user: { id: `user-${name}`, name, password_expires_at: '', domain } },
  };
}

function subjectOfAgency(request: ApiRequest, identity: unknown, cloud: Cloud, wanted: string | undefined): Subject {
  const caller = cloud.token(request.headers.get('x-auth-token') ?? '');
  if (caller === undefined || isExpired(caller, request.now)) {
    throw refuse(401, 'The X-Auth-Token is invalid!');
  }
  const { assume_role: role } = objectWith(identity, ['methods', 'assume_role'], 'auth.identity');
  // The two clouds' documents name the key differently.
  const nameKey = cloud.project(wanted ?? '')?.profile === 'otc' ? 'xrole_name' : 'agency_name';
  const claim = objectWith(role, ['domain_name', 'domain_id', nameKey], 'auth.identity.assume_role');
  const { domain_name: domainName, domain_id: domainId } = claim;
  if ((domainName === undefined) === (domainId === undefined)) {
    throw refuse(400, 'auth.identity.assume_role: expected either domain_name or domain_id');
  }
  const name = textOf(claim[nameKey], `auth.identity.assume_role.${nameKey}`);
  const found = cloud.agencies.find((agency) => {
    return agency.name === name && (agency.domain_name === domainName || agency.domain_id === domainId);
  });
  if (found === undefined) {
    throw refuse(404, `Could not find agency: ${name}.`);
  }
  if (found.delegated_domain_id !== caller.domain_id) {
    throw refuse(403, 'You have no right to do this action');
  }
  const domain = { id: found.domain_id, name: found.domain_name };
  const assumedBy = { user: { domain: { id: caller.domain_id } } };
  return {
    domainId: domain.id,
    domainName: domain.name,
    details: {
      methods: ['assume_role'],
      user: { id: `agency-${name}`, name: `${domain.name}/${name}`, domain },
      assumed_by: assumedBy,
    },
  };
}

/** Issues the token, if the scope is the subject's own. */
function issue(
  request: ApiRequest,
  cloud: Cloud,
  { domainId, domainName, details }: Subject,
  projectId: string | undefined,
  scope: unknown,
): ApiAnswer {
  const domain = { id: domainId, name: domainName };
  const project = projectId === undefined ? undefined : cloud.project(projectId);
  if (projectId === undefined) {
    refuseOtherDomain(scope, domain);
  } else if (project === undefined) {
    throw refuse(404, `Could not find project: ${projectId}.`);
  } else if (project.domainId !== domainId) {
    throw refuse(403, `You have no access to the project: ${projectId}.`);
  }
  const token = cloud.issueToken(domainId);
  const extent = project === undefined ? { domain } : { project: { ...projectName(project), domain } };
  const catalog = (request.query.get('nocatalog') ?? '') === '' ? { catalog: [] } : {};
  const issuedAt = new Date(request.now).toISOString().replace('Z', '000Z');
  return {
    status: 201,
    headers: { 'X-Subject-Token': token.token },
    body: {
      token: { ...details, expires_at: token.expires_at, issued_at: issuedAt, ...extent, roles: [], ...catalog },
    },
  };
}

/** Returns the project of a scope by id, `undefined` where the scope is an account. Where there are both, the project wins. */
function projectIn(scope: unknown): string | undefined {
  const { project, domain } = objectWith(scope, ['project', 'domain'], 'auth.scope');
  if (project === undefined) {
    objectWith(domain, ['id', 'name'], 'auth.scope.domain');
    return undefined;
  }
  return textOf(objectWith(project, ['id'], 'auth.scope.project')['id'], 'auth.scope.project.id');
}

function refuseOtherDomain(scope: unknown, own: { readonly id: string; readonly name: string }): void {
  const { domain } = objectWith(scope, ['project', 'domain'], 'auth.scope');
  const { id = own.id, name = own.name } = objectWith(domain, ['id', 'name'], 'auth.scope.domain');
  if (id !== own.id || name !== own.name) {
    throw refuse(403, 'You have no access to the domain.');
  }
}

function showProject(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const id = request.params['project_id'] ?? '';
  const project = cloud.project(id);
  if (project === undefined) {
    throw refuse(404, `Could not find project: ${id}.`);
  }
  if (project.domainId !== request.caller.domainId) {
    throw refuse(403, 'You are not authorized to perform the requested action: identity:get_project.');
  }
  const { domainId } = project;
  const body = {
    is_domain: false,
    description: '',
    links: { self: `https://iam.myhuaweicloud.com/v3/projects/${id}` },
    enabled: true,
    ...projectName(project),
    // A region's own project stands directly under the account.
    parent_id: domainId,
    domain_id: domainId,
  };
  return { status: 200, body: { project: body } };
}

function projectName({ projectId, region, profile }: CloudProject): { readonly id: string; readonly name: string } {
  return { id: projectId, name: profile === 'otc' ? `${region}_project` : region };
}

function isExpired(token: ScenarioToken, now: number): boolean {
  return token.expires_at !== undefined && Date.parse(token.expires_at) <= now;
}

function bodyOf(request: ApiRequest): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(request.body));
  } catch {
    throw refuse(400, 'The request body is not JSON.');
  }
}

/** Returns the value as an object with no other than these keys. */
function objectWith<K extends string>(value: unknown, keys: readonly K[], where: string): Partial<Record<K, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse(400, `${where}: expected an object`);
  }
  const other = Object.keys(value).find((key) => !keys.some((known) => known === key));
  if (other !== undefined) {
    throw refuse(400, `${where}: unknown key ${other}`);
  }
  return value;
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') {
    throw refuse(400, `${where}: expected text`);
  }
  return value;
}
