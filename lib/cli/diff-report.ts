/** What differs between two policies, for people and as JSON: who gets in that did not comes first and loudest. Compares nothing. */
import type { Policy } from '../core/policy.ts';
import { quoteName } from '../core/problem.ts';
import { groupBy } from '../reconcile/group-by.ts';
import type { Change, ChangeGroup, Identified, PolicyDiff, PolicyPair, Undecided, Verdict } from '../policy-diff.ts';
import { decisionText } from './cases-report.ts';
import { plain, type Terminal } from './terminal.ts';

/** A diff and what it was made over. */
export interface DiffReport {
  readonly pair: PolicyPair;
  readonly diff: PolicyDiff;
  /** What was evaluated, as the end of a sentence: `2 connections of …`. */
  readonly over: string;
  /** What could not be read and is not in the diff, one line each. */
  readonly problems: readonly string[];
  /** False when the diff is not over all there is. */
  readonly isComplete: boolean;
}

/** Prints the groups of changes, widening ones first, then the counts. */
export function printDiff({ pair, diff, over }: DiffReport, terminal: Terminal): void {
  terminal.print(`old  ${pair.from.name}  ${pair.from.digest}`);
  terminal.print(`new  ${pair.to.name}  ${pair.to.digest}`);
  if (pair.from.digest === pair.to.digest) terminal.print('     the same policy twice');
  for (const group of diff.groups) printGroup(group, terminal);
  terminal.print('');
  printTotals(diff, over, terminal);
}

function printTotals(
  { changed, groups, sameEffectOtherRules, undecided }: PolicyDiff,
  over: string,
  terminal: Terminal,
): void {
  const widened = sizeOf(groups.filter(({ isWidening }) => isWidening));
  const change = `${counted(changed, 'decision')} change${changed === 1 ? 's' : ''}`;
  const letIn = widened === 0 ? '' : `, ${terminal.tone('bad', `${widened} of them to accept`)}`;
  terminal.print(`${over}: ${changed === 0 ? terminal.tone('good', 'no decision changes') : change + letIn}`);
  if (sameEffectOtherRules > 0) {
    terminal.print(`same effect, other rules or cause: ${counted(sameEffectOtherRules, 'connection')}`);
  }
  printUndecided('old', undecided.from, terminal);
  printUndecided('new', undecided.to, terminal);
}

function printUndecided(side: string, { count, attributes }: Undecided, terminal: Terminal): void {
  if (count === 0) return;
  const what = terminal.tone('warn', `${counted(count, 'decision')} of the ${side} policy cannot be told`);
  terminal.print(`${what}: the records lack ${attributes.map(quoteName).join(', ')}, which nobody had read then`);
}

const KINDS = {
  widening: { title: 'WIDENING', tone: 'bad' },
  narrowing: { title: 'narrowing', tone: 'warn' },
  other: { title: 'other', tone: 'strong' },
} as const;

function kindOf({ from, isWidening }: ChangeGroup): (typeof KINDS)[keyof typeof KINDS] {
  if (isWidening) return KINDS.widening;
  return from === 'accept' ? KINDS.narrowing : KINDS.other;
}

/** A person reads so many; `--json` has all. */
const WAYS_MAX = 20;
const CONNECTIONS_MAX = 10;

function printGroup(group: ChangeGroup, terminal: Terminal): void {
  const { title, tone } = kindOf(group);
  const arrow = `${group.from} → ${group.to}`;
  terminal.print('');
  terminal.print(`${terminal.tone(tone, `${title}  ${arrow}`)}: ${counted(group.changes.length, 'connection')}`);
  const ways = [...groupBy(group.changes, wayOf).values()].sort((a, b) => b.length - a.length);
  for (const changes of ways.slice(0, WAYS_MAX)) printWay(changes, terminal);
  if (ways.length > WAYS_MAX) {
    const rest = ways.slice(WAYS_MAX).reduce((sum, changes) => sum + changes.length, 0);
    terminal.print(`  and ${counted(rest, 'connection')} by other rules (--json lists all)`);
  }
}

/** Changes from the same decision to the same decision are shown as one. */
function wayOf({ from, to }: Change): string {
  return JSON.stringify([from, to]);
}

function printWay(changes: readonly Change[], terminal: Terminal): void {
  const [first] = changes;
  if (!first) return;
  terminal.print(`  old  ${decisionText(first.from, terminal)}${lackingText(first.from)}`);
  terminal.print(`  new  ${decisionText(first.to, terminal)}${lackingText(first.to)}`);
  for (const { who } of changes.slice(0, CONNECTIONS_MAX)) terminal.print(`       - ${identityText(who)}`);
  if (changes.length > CONNECTIONS_MAX) {
    terminal.print(`       and ${changes.length - CONNECTIONS_MAX} more (--json lists all)`);
  }
}

function lackingText({ lacking }: Verdict): string {
  return lacking.length === 0 ? '' : ' (not in the record)';
}

function identityText({ id, pointer, domain_id: domain, state, time }: Identified): string {
  const parts = [
    id,
    pointer !== undefined && (id === undefined ? pointer : `(${pointer})`),
    domain !== undefined && `domain ${domain}`,
    state,
    time !== undefined && `decided ${time}`,
  ];
  return parts
    .filter((part) => typeof part === 'string')
    .map(shortened)
    .join('  ');
}

const PART_MAX = 300;

/** An id comes from a file that anybody may have written. */
function shortened(text: string): string {
  return plain(text.length > PART_MAX ? `${text.slice(0, PART_MAX - 1)}…` : text);
}

/** Returns the JSON document of `policy diff`. */
export function diffToJson({ pair, diff, problems, isComplete }: DiffReport): object {
  return {
    old: identityOf(pair.from),
    new: identityOf(pair.to),
    evaluated: diff.evaluated,
    changed: diff.changed,
    same_effect_other_rules: diff.sameEffectOtherRules,
    undecidable: { old: diff.undecided.from.count, new: diff.undecided.to.count },
    not_recorded: { old: diff.undecided.from.attributes, new: diff.undecided.to.attributes },
    complete: isComplete,
    problems,
    groups: diff.groups.map(({ from, to, isWidening, changes }) => ({
      from,
      to,
      widening: isWidening,
      connections: changes.map((change) => ({
        ...change.who,
        from: verdictToJson(change.from),
        to: verdictToJson(change.to),
      })),
    })),
  };
}

function identityOf({ name, digest }: Policy): object {
  return { name, digest };
}

function verdictToJson({ lacking, effect, cause, rules, reason }: Verdict): object {
  return { effect, cause, rules, reason, ...(lacking.length > 0 && { not_recorded: lacking }) };
}

function sizeOf(groups: readonly ChangeGroup[]): number {
  return groups.reduce((sum, { changes }) => sum + changes.length, 0);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
