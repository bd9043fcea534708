/** Finds the command that a command line names, runs it, and turns everything that can go wrong into one line and an exit code. */
import { StoreError } from '../audit/store.ts';
import { VERSION } from '../build-info.ts';
import { CredentialsError } from '../cloud/credentials.ts';
import { DocumentError } from '../document-error.ts';
import { FaultError } from '../emulator/faults.ts';
import { ScenarioError } from '../emulator/scenario-reader.ts';
import { nearestName } from '../core/nearest-name.ts';
import { type Command, EXIT_OK, EXIT_USAGE, EXIT_WRONG, type Surroundings, UsageError } from './command.ts';
import { emulatorCommand } from './emulator-command.ts';
import { policyCheckCommand } from './policy-check-command.ts';
import { policyExplainCommand } from './policy-explain-command.ts';
import { reconcileCommand } from './reconcile-command.ts';
import { sweepCommand } from './sweep-command.ts';
import { plain } from './terminal.ts';

const COMMANDS: readonly Command[] = [
  sweepCommand,
  reconcileCommand,
  emulatorCommand,
  policyCheckCommand,
  policyExplainCommand,
];

/** Runs a command line (without the program's name) and returns the exit code. Never rejects. */
export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await dispatch(words, surroundings);
  } catch (error) {
    for (const line of linesOf(error)) surroundings.terminal.complain(`vpcep-approver: ${plain(line)}`);
    return exitCodeOf(error);
  }
}

async function dispatch(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings;
  const [first] = words;
  if (first === '--version') {
    terminal.print(VERSION);
    return EXIT_OK;
  }
  if (first === undefined || first === '--help' || first === 'help') {
    terminal.print(overview());
    return first === undefined ? EXIT_USAGE : EXIT_OK;
  }
  const command = COMMANDS.find(({ name }) => name.split(' ').every((word, i) => words[i] === word));
  if (!command) throw unknownCommand(words);
  const args = words.slice(command.name.split(' ').length);
  if (args.includes('--help')) {
    terminal.print(`vpcep-approver ${command.usage}`);
    return EXIT_OK;
  }
  return command.run(args, surroundings);
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `vpcep-approver ${VERSION}: approves private connections by policy, and proves what it did

${lines.join('\n')}

vpcep-approver COMMAND --help says more. Exit codes: 0 done; 1 it ran and something is wrong;
2 wrong usage, configuration or policy, and nothing was sent.`;
}

function unknownCommand(words: readonly string[]): UsageError {
  const names = COMMANDS.map(({ name }) => name);
  const said = words.slice(0, 2).filter((word) => !word.startsWith('-'));
  const nearest = nearestName(said.join(' '), names) ?? nearestName(said[0] ?? '', names);
  const hint = nearest === undefined ? '' : ` (did you mean \`${nearest}\`?)`;
  return new UsageError(`unknown command \`${said.join(' ')}\`, expected one of ${names.join(', ')}${hint}`);
}

function linesOf(error: unknown): readonly string[] {
  if (error instanceof DocumentError) return error.lines;
  if (!(error instanceof Error)) return [String(error)];
  if (isExpected(error)) return [error.message];
  if ('code' in error && error.code === 'EADDRINUSE') return ['--port: the port is taken, expected a free one'];
  return [`internal error: ${error.message.split('\n')[0]} (please report this)`];
}

function isExpected(error: Error): boolean {
  return [UsageError, CredentialsError, StoreError, ScenarioError, FaultError].some((kind) => error instanceof kind);
}

function exitCodeOf(error: unknown): number {
  const isUsage = [UsageError, DocumentError, CredentialsError, ScenarioError, FaultError].some(
    (kind) => error instanceof kind,
  );
  return isUsage || (error instanceof StoreError && error.code === 'invalid-locator') ? EXIT_USAGE : EXIT_WRONG;
}
