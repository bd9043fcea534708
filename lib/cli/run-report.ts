/** A run as a person reads it on a terminal: decisions by service, findings, the sum, and where to look next. */
import { groupBy } from '../reconcile/group-by.ts';
import type { Finding } from '../reconcile/run.ts';
import type { ConnectionResult, RunResult } from '../reconcile/run-result.ts';
import { type Cell, tableLines } from './table.ts';
import { plain, type Terminal, type Tone } from './terminal.ts';

const HEADER = ['DECISION', 'ENDPOINT', 'DOMAIN', 'OUTCOME', 'WHY'];
const WIDTHS = [10, 36, 12, 22, 1_000];

/** Prints a run. `trail` names where its records are. */
export function printRun(result: RunResult, trail: string, terminal: Terminal): void {
  const { policy, mode } = result;
  const isDry = mode === 'dry-run';
  terminal.print(
    `policy ${terminal.tone('strong', policy.name)} (${policy.digest.slice(0, 19)}…), ${isDry ? 'dry-run: nothing is sent' : 'enforcing'}`,
  );
  for (const [service, connections] of groupBy(result.connections, (connection) => connection.ref.serviceId)) {
    const { kind, region, projectId } = (connections[0] as ConnectionResult).ref;
    terminal.print('');
    terminal.print(
      `${terminal.tone('strong', plain(service))}  ${kind}, ${plain(region)}, project ${plain(projectId)}`,
    );
    const rows = connections.map((connection) => rowOf(connection, terminal));
    const [header = '', ...lines] = tableLines(HEADER, rows, WIDTHS, terminal.width);
    terminal.print([terminal.tone('dim', header), ...lines].join('\n'));
  }
  for (const [i, finding] of result.findings.filter(({ severity }) => severity !== 'error').entries()) {
    if (i === 0) terminal.print('');
    terminal.print(`${terminal.tone('warn', `${finding.severity} ${finding.code}`)}: ${aboutOf(finding)}`);
  }
  terminal.print('');
  terminal.print(sumOf(result));
  terminal.print(terminal.tone('dim', `run ${result.runId}, trail ${trail}`));
}

/** Prints what went wrong to standard error, one line each. */
export function printErrors({ findings }: RunResult, terminal: Terminal): void {
  for (const finding of findings) {
    if (finding.severity === 'error') terminal.complain(`vpcep-approver: ${finding.code}: ${aboutOf(finding)}`);
  }
}

function aboutOf({ message, subject }: Finding): string {
  return plain(subject && 'serviceId' in subject ? `${message} (service ${subject.serviceId})` : message);
}

const TONES: Readonly<Record<string, Tone>> = {
  accept: 'good',
  reject: 'bad',
  hold: 'warn',
  superseded: 'dim',
  failed: 'bad',
};

function rowOf({ ref, domainId, effect, cause, rules, reason, outcome }: ConnectionResult, terminal: Terminal): Cell[] {
  const dressIn = (tone: Tone | undefined): Pick<Cell, 'dress'> =>
    tone ? { dress: (padded) => terminal.tone(tone, padded) } : {};
  const how = outcome.status === 'withheld' ? `withheld (${outcome.by})` : outcome.status;
  const why = outcome.error ? `${outcome.error.message}; ${reason}` : reason;
  const by = rules.length > 0 ? `${rules.slice(0, 3).join(', ')}${rules.length > 3 ? ', …' : ''}: ` : '';
  const because = cause === null || cause === 'rule' || cause === 'no-match' ? '' : `[${cause}] `;
  return [
    { text: effect ?? '-', ...dressIn(TONES[effect ?? '']) },
    { text: plain(ref.endpointId) },
    { text: typeof domainId === 'string' ? plain(domainId) : 'unknown' },
    { text: how, ...dressIn(TONES[outcome.status]) },
    { text: plain(`${because}${by}${why}`) },
  ];
}

function sumOf({ counts, mode, isComplete, connections }: RunResult): string {
  const withheld = connections.filter(({ outcome }) => outcome.status === 'withheld' && outcome.by !== 'hold').length;
  const parts = [
    [counts.accepted, 'accepted'],
    [counts.rejected, 'rejected'],
    [counts.submitted, 'submitted'],
    [counts.held, 'held for a person'],
    [withheld, mode === 'dry-run' ? 'withheld by dry-run' : 'left for the next run'],
    [counts.superseded, 'superseded'],
    [counts.failed, 'failed'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  const nothing = isComplete ? 'nothing pending' : 'nothing pending was seen';
  const sum = counts.listed === 0 ? nothing : `${counts.listed} pending: ${words.join(', ')}`;
  return isComplete ? sum : `${sum} (incomplete: not everything could be seen or settled)`;
}
