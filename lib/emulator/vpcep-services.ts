/** The VPCEP API's operations on endpoint services: list, show, modify, whitelist, tags. */
import { madeUpUuid, type Cloud, type CloudService } from './cloud.ts';
import type { ApiAnswer, ApiRequest, Route } from './routes.ts';
import { SERVICE_STATUSES } from './scenario.ts';
import { refuse } from './vpcep-errors.ts';
import {
  arrayOf,
  bodyOf,
  objectWith,
  optionOf,
  pageOf,
  projectOf,
  serviceOf,
  sorted,
  sortOf,
  textOf,
} from './vpcep-requests.ts';

const SERVICES = '/v1/{project_id}/vpc-endpoint-services';
const SERVICE = `${SERVICES}/{service_id}`;

/** Operations on endpoint services. */
export const vpcepServiceRoutes: readonly Route[] = [
  { method: 'GET', path: SERVICES, access: 'signed', handle: listServices },
  { method: 'GET', path: SERVICE, access: 'signed', handle: showService },
  { method: 'PUT', path: SERVICE, access: 'signed', handle: modifyService },
  { method: 'GET', path: `${SERVICE}/permissions`, access: 'signed', handle: listPermissions },
  { method: 'GET', path: '/v1/{project_id}/{resource_type}/tags', access: 'signed', handle: listTags },
  {
    method: 'POST',
    path: '/v1/{project_id}/{resource_type}/{resource_id}/tags/action',
    access: 'signed',
    handle: changeTags,
  },
];

function listServices(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const project = projectOf(request, cloud);
  const sort = sortOf(request, project);
  const status = optionOf(request, 'status', SERVICE_STATUSES, 'EndPoint.0019');
  const id = request.query.get('id');
  const name = request.query.get('endpoint_service_name')?.toLowerCase() ?? '';
  const found = project.services.filter((service) => {
    return (
      (id ?? service.id) === service.id &&
      (status ?? service.status) === service.status &&
      service.name.toLowerCase().includes(name)
    );
  });
  const page = pageOf(request, sorted(found, sort), 1_000);
  const items = page.map((service) => ({
    ...serviceBody(service),
    domain_id: service.domainId,
    // Documented: counts those being created and accepted, not those that wait.
    connection_count:
      cloud.count({ serviceId: service.id, status: 'accepted' }) +
      cloud.count({ serviceId: service.id, status: 'creating' }),
  }));
  return { status: 200, body: { endpoint_services: items, total_count: found.length } };
}

function showService(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { service } = serviceOf(request, cloud, 'EndPoint.0005');
  return { status: 200, body: serviceDetail(service) };
}

/** Vendor page 003. All parts are optional; one that is wrong refuses the whole. */
function modifyService(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { project, service } = serviceOf(request, cloud, 'EndPoint.0005');
  const changes = readModification(request, project.region, service.id);
  if (service.status !== 'available') {
    throw refuse('EndPoint.3045');
  }
  cloud.updateService(service.id, (target) => Object.assign(target, changes));
  return { status: 200, body: serviceDetail(service) };
}

function readModification(request: ApiRequest, region: string, id: string): Partial<CloudService> {
  const body = bodyOf(request, MODIFIABLE);
  const changes: Partial<CloudService> = {};
  if (body.approval_enabled !== undefined) {
    if (typeof body.approval_enabled !== 'boolean') {
      throw refuse('EndPoint.0002');
    }
    changes.approvalEnabled = body.approval_enabled;
  }
  if (body.service_name !== undefined) {
    const name = textOf(body.service_name, (text) => /^[\w-]{0,16}$/.test(text));
    changes.name = `${region}.${name}.${id}`;
  }
  if (body.description !== undefined) {
    changes.description = textOf(body.description, (text) => text.length <= 128 && !/[<>]/.test(text));
  }
  if (body.tcp_proxy !== undefined) {
    changes.tcpProxy = textOf(body.tcp_proxy, (text) => TCP_PROXIES.has(text));
  }
  if (body.port_id !== undefined) {
    changes.portId = textOf(body.port_id, (text) => /^.{1,64}$/.test(text));
  }
  if (body.ports !== undefined) {
    changes.ports = arrayOf(body.ports, 1, 200).map(readPort);
  }
  for (const other of [body.vip_port_id, body.ip]) {
    if (other !== undefined) {
      textOf(other, (text) => /^.{1,64}$/.test(text));
    }
  }
  return changes;
}

const MODIFIABLE = [
  'approval_enabled',
  'service_name',
  'ports',
  'port_id',
  'vip_port_id',
  'description',
  'tcp_proxy',
  'ip',
] as const;

const TCP_PROXIES = new Set(['close', 'toa_open', 'proxy_open', 'open', 'proxy_vni']);

function readPort(value: unknown): object {
  const { client_port, server_port, protocol = 'TCP' } = objectWith(value, ['client_port', 'server_port', 'protocol']);
  for (const port of [client_port, server_port]) {
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw refuse('EndPoint.0002');
    }
  }
  textOf(protocol, (text) => text === 'TCP');
  return { client_port, server_port, protocol };
}

function listPermissions(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { project, service } = serviceOf(request, cloud);
  sortOf(request, project);
  const wanted = request.query.get('permission') ?? '';
  const found = service.permissions.filter((permission) => permission.includes(wanted));
  const permissions = pageOf(request, found, 500).map((permission) => ({
    id: madeUpUuid(`permission:${service.id}:${permission}`),
    permission,
    permission_type: permission.startsWith('organizations:') ? 'orgPath' : 'domainId',
    created_at: service.createdAt,
  }));
  return { status: 200, body: { permissions, total_count: found.length } };
}

/** Which values each key has over all resources of a type; which resource has which tag is not in it. */
function listTags(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const { projectId, services } = projectOf(request, cloud);
  const tagged = isServiceType(request)
    ? services.map((service) => service.tags)
    : cloud.connections().flatMap(({ endpoint }) => (endpoint?.projectId === projectId ? [endpoint.tags] : []));
  const values = new Map<string, Set<string>>();
  for (const [key, value] of tagged.flatMap((tags) => [...tags])) {
    values.set(key, (values.get(key) ?? new Set()).add(value));
  }
  return { status: 200, body: { tags: [...values].map(([key, set]) => ({ key, values: [...set] })) } };
}

function changeTags(request: ApiRequest, cloud: Cloud): ApiAnswer {
  const tags = tagsOf(request, cloud);
  const body = bodyOf(request, ['action', 'tags']);
  if (body.action !== 'create' && body.action !== 'delete') {
    throw refuse('EndPoint.0007');
  }
  const result = new Map(tags);
  for (const item of arrayOf(body.tags, 1, 20)) {
    const tag = objectWith(item, ['key', 'value']);
    const key = textOf(tag.key, (text) => text.length >= 1 && text.length <= 128 && !text.startsWith('_sys_'));
    if (body.action === 'create') {
      result.set(
        key,
        textOf(tag.value, (text) => text.length <= 255),
      );
    } else if (tag.value === undefined || tag.value === result.get(key)) {
      result.delete(key);
    }
  }
  if (result.size > MAX_TAGS) {
    throw refuse('EndPoint.0002');
  }
  tags.clear();
  for (const [key, value] of result) {
    tags.set(key, value);
  }
  return { status: 204 };
}

/** Documented: tags per resource. */
const MAX_TAGS = 10;

function tagsOf(request: ApiRequest, cloud: Cloud): Map<string, string> {
  const { projectId } = projectOf(request, cloud);
  const id = request.params['resource_id'] ?? '';
  const service = isServiceType(request) ? cloud.service(id) : undefined;
  const owned = isServiceType(request) ? service : cloud.connection(id)?.endpoint;
  if (owned === undefined || owned === null || owned.projectId !== projectId) {
    throw refuse('EndPoint.0005');
  }
  return owned.tags;
}

function isServiceType(request: ApiRequest): boolean {
  const type = request.params['resource_type'];
  if (type !== 'endpoint_service' && type !== 'endpoint') {
    throw refuse('EndPoint.0002');
  }
  return type === 'endpoint_service';
}

/** Returns tags as the API writes them: an array of keys and values, empty when there are none. */
export function tagList(
  tags: ReadonlyMap<string, string>,
): readonly { readonly key: string; readonly value: string }[] {
  return [...tags].map(([key, value]) => ({ key, value }));
}

function serviceDetail(service: CloudService): Record<string, unknown> {
  return { ...serviceBody(service), cidr_type: 'internal' };
}

function serviceBody(service: CloudService): Record<string, unknown> {
  return {
    id: service.id,
    port_id: service.portId,
    service_name: service.name,
    server_type: service.serverType,
    vpc_id: service.vpcId,
    pool_id: madeUpUuid(`pool:${service.id}`),
    approval_enabled: service.approvalEnabled,
    status: service.status,
    service_type: 'interface',
    created_at: service.createdAt,
    updated_at: service.updatedAt,
    project_id: service.projectId,
    ports: service.ports,
    tcp_proxy: service.tcpProxy,
    tags: tagList(service.tags),
    description: service.description,
  };
}
