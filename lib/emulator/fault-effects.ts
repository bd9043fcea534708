/** What each kind of fault does to a request: before the work, to its answer, or to the connection. Decides nothing about which request. */
import { cssError } from './css-errors.ts';
import { parseDuration } from './duration.ts';
import { type Fault, type FaultKind, isLaterPage } from './faults.ts';
import { gatewayError } from './gateway.ts';
import type { ApiAnswer, RawRequest } from './routes.ts';
import { vpcepError } from './vpcep-errors.ts';

/** What happens to a request on the wire. */
export type Delivery = 'whole' | 'truncated' | 'reset' | 'none';

/** The effects of one fault, each neutral where it has none. */
export interface FaultEffects {
  /** Answers or breaks off in place of the work. */
  readonly instead: { readonly answer: ApiAnswer | null; readonly delivery: Delivery } | null;
  /** Added to the gateway's clock. */
  readonly skewMs: number;
  readonly pageShift: -1 | 0 | 1;
  /** Changes the answer after the work was done. */
  readonly alter: (answer: ApiAnswer) => ApiAnswer;
  /** How long the answer stays away after the work was done. */
  readonly delayMs: number;
  readonly delivery: Delivery;
}

const NONE: FaultEffects = {
  instead: null,
  skewMs: 0,
  pageShift: 0,
  alter: (answer) => answer,
  delayMs: 0,
  delivery: 'whole',
};

/** Returns what the fault does to this request. */
export function effectsOf(fault: Fault | undefined, request: RawRequest): FaultEffects {
  if (fault === undefined) {
    return NONE;
  }
  const error = errorAnswer(fault, request);
  if (error !== null) {
    return fault.value === 'after'
      ? { ...NONE, alter: () => error }
      : { ...NONE, instead: { answer: error, delivery: 'whole' } };
  }
  switch (fault.kind) {
    case 'reset-before':
      return { ...NONE, instead: { answer: null, delivery: 'reset' } };
    case 'hang':
      return { ...NONE, instead: { answer: null, delivery: 'none' } };
    case 'reset-after':
      return { ...NONE, delivery: 'reset' };
    case 'truncated':
      return { ...NONE, delivery: 'truncated' };
    case 'slow':
      return { ...NONE, delayMs: durationOf(fault, 5_000) };
    case 'clock-skew':
      return { ...NONE, skewMs: durationOf(fault, 20 * 60_000) };
    case 'duplicate-item':
      return isLaterPage(request.rawQuery) ? { ...NONE, pageShift: -1 } : NONE;
    case 'vanish-item':
      return isLaterPage(request.rawQuery) ? { ...NONE, pageShift: 1, alter: withOneLess } : NONE;
    case 'missing-field':
      return { ...NONE, alter: (answer) => alterItems(answer, (item) => without(item, fault.value)) };
    case 'unknown-state':
      return { ...NONE, alter: (answer) => alterItems(answer, (item) => withState(item, fault.value)) };
    default:
      return NONE;
  }
}

/** Returns the error answer of kinds that are one. Their shapes differ on purpose: the real ones do. */
function errorAnswer(fault: Fault, request: RawRequest): ApiAnswer | null {
  const throttled = () => {
    const window = windowText(durationOf(fault, 1_000));
    const message = `The throttling threshold has been reached: policy user over ratelimit,limit:200,time:${window}`;
    return gatewayError(request, 429, '0308', message);
  };
  const isCss = request.path.startsWith('/v1.0/');
  const answers: Partial<Record<FaultKind, () => ApiAnswer>> = {
    throttle: throttled,
    'throttle-retry-after': () => {
      const seconds = Math.ceil(durationOf(fault, 1_000) / 1_000);
      return { ...throttled(), headers: { 'Retry-After': String(seconds) } };
    },
    'throttle-400': () => (isCss ? cssError('EndPoint.0022') : vpcepError('EndPoint.0022')),
    'error-500': () => (isCss ? cssError('CSS.9999') : vpcepError('EndPoint.0001')),
    // Not an error by its status: the cluster is busy and nothing was done.
    busy: () => (isCss ? cssError('CSS.0011') : vpcepError('EndPoint.2004')),
    conflict: () => (isCss ? cssError('CSS.0029') : { ...vpcepError('EndPoint.2019'), status: 409 }),
    precondition: () => (isCss ? cssError('CSS.0040') : { ...vpcepError('EndPoint.3045'), status: 412 }),
    'error-502': () => gatewayError(request, 502, '0201', 'Backend unavailable'),
    'error-503': () =>
      isCss
        ? cssError('CSS.0005')
        : { status: 503, body: { error_code: 'EndPoint.0001', error_msg: 'Service unavailable.' } },
    html: () => ({
      status: 502,
      headers: { 'Content-Type': 'text/html' },
      body: Buffer.from(
        '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n',
      ),
    }),
  };
  return answers[fault.kind]?.() ?? null;
}

/** The gateway writes `1 second`, `5 minute`. */
function windowText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  return seconds % 60 === 0 ? `${seconds / 60} minute` : `${seconds} second`;
}

function durationOf(fault: Fault, fallback: number): number {
  return parseDuration(fault.value ?? '') ?? fallback;
}

type Item = Readonly<Record<string, unknown>>;

const LISTS: ReadonlySet<string> = new Set(['connections', 'endpoint_services', 'clusters']);
/** What lists call the number of items over all pages. */
const COUNTS = ['total_count', 'totalSize'] as const;

/** Changes each item of a list answer, or the one object that another answer is. Errors stay as they are. */
function alterItems(answer: ApiAnswer, change: (item: Item) => Item): ApiAnswer {
  const { body } = answer;
  if (answer.status >= 300 || !isItem(body)) {
    return answer;
  }
  const lists = Object.entries(body).filter(([key]) => LISTS.has(key));
  const altered = lists.map(([key, items]) => [key, Array.isArray(items) ? items.filter(isItem).map(change) : items]);
  return { ...answer, body: lists.length === 0 ? change(body) : { ...body, ...Object.fromEntries(altered) } };
}

function without(item: Item, field: string | undefined): Item {
  const gone = field ?? ('domain_id' in item && !('service_name' in item) ? 'domain_id' : 'tags');
  return Object.fromEntries(Object.entries(item).filter(([key]) => key !== gone));
}

function withState(item: Item, state = 'suspended'): Item {
  return 'status' in item ? { ...item, status: state } : item;
}

/** The row whose disappearance shifted the list is no longer counted. */
function withOneLess(answer: ApiAnswer): ApiAnswer {
  const { body } = answer;
  if (!isItem(body)) {
    return answer;
  }
  const name = COUNTS.find((key) => typeof body[key] === 'number' && body[key] > 0);
  return name === undefined ? answer : { ...answer, body: { ...body, [name]: Number(body[name]) - 1 } };
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
