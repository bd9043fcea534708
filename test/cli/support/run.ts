/** Runs command lines, in this process or in one of their own, and keeps what they write. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { runCommandLine } from '../../../lib/cli/run-command-line.ts';
import { createTerminal } from '../../../lib/cli/terminal.ts';
import { type Emulator, type EmulatorOptions, startEmulator } from '../../../lib/emulator/emulator.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const MAIN = path.join(ROOT, 'lib/cli/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
  readonly stop?: AbortSignal;
  /** Columns of a terminal; none: pipes. */
  readonly columns?: number;
  readonly onPrint?: (text: string) => void;
}

/** Runs a command line in this process, with nothing in its environment but `env`. */
export async function run(
  words: readonly string[],
  { env = {}, folder = tmpdir(), stop = new AbortController().signal, columns, onPrint }: Surroundings = {},
): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const tty = columns === undefined ? {} : { isTTY: true, columns };
  const write = (text: string) => {
    stdout += text;
    onPrint?.(text);
  };
  const terminal = createTerminal({ ...tty, write }, { ...tty, write: (text) => (stderr += text) }, env);
  const code = await runCommandLine(words, { terminal, env, folder, stop });
  return { code, stdout, stderr };
}

export interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** Resolves with the first standard output that matches; rejects when the process ends before. */
  output(pattern: RegExp): Promise<string>;
}

/** Starts a command line in a process of its own; it is killed with the test, if it lives that long. */
export function start(words: readonly string[], { env = {}, folder = tmpdir() }: Surroundings = {}): Child {
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder, env: { PATH: process.env['PATH'], ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    process: child,
    ended,
    output: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(stdout)) resolve(stdout);
        };
        child.stdout.on('data', look);
        child.on('close', () => reject(new Error(`ended with ${JSON.stringify({ stdout, stderr })}`)));
        look();
      }),
  };
}

/** Makes a folder with these files (JSON unless text or bytes); it goes with the test. */
export function makeFolder(files: Readonly<Record<string, unknown>> = {}): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    const isRaw = typeof content === 'string' || content instanceof Uint8Array;
    writeFileSync(file, isRaw ? content : JSON.stringify(content));
  }
  return folder;
}

/** Starts a local cloud; it stops with the test. */
export async function startCloud(options: EmulatorOptions = {}): Promise<Emulator> {
  const emulator = await startEmulator(options);
  onTestFinished(() => emulator.close());
  return emulator;
}

export const PROJECT = '6e9dfd51d1124e8d8498dce894923a0d';
export const LOCAL_KEY = {
  HUAWEICLOUD_SDK_AK: 'LOCALACCESSKEY000001',
  HUAWEICLOUD_SDK_SK: 'local-secret-key-for-the-emulator-only-0001',
};

/** Makes a folder with a configuration for the cloud at `url`, and the rehearsal policy. */
export function makeProject(url: string, more: Readonly<Record<string, unknown>> = {}, policy?: unknown): string {
  return makeFolder({
    'policies/approver.json': {
      policy: './policy.json',
      targets: [{ kind: 'vpcep', region: 'ap-southeast-1', project_id: PROJECT, services: 'all', endpoint: url }],
      audit: { store: 'file:../audit' },
      limits: { requests_per_second: null, confirm_seconds: 1 },
      ...more,
    },
    'policies/policy.json': policy ?? readFileSync(path.join(ROOT, 'policies/policy.json'), 'utf8'),
  });
}

/** Every file below `folder`, with its text; none when there is no such folder. */
export function filesBelow(folder: string): ReadonlyMap<string, string> {
  let names: string[] = [];
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort();
  } catch {
    return new Map();
  }
  return new Map(names.map((name) => [path.relative(folder, name), readFileSync(name, 'latin1')]));
}

/** The records of the trail in a project folder, oldest first. */
export function recordsIn(
  folder: string,
): readonly { readonly type: string; readonly data: Record<string, unknown> }[] {
  return [...filesBelow(path.join(folder, 'audit/trail'))]
    .filter(([name]) => !path.basename(name).startsWith('.tmp-'))
    .flatMap(([, text]) => text.trim().split('\n'))
    .map((line) => JSON.parse(line) as { type: string; data: Record<string, unknown> });
}
