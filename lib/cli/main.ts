#!/usr/bin/env node
/** The `vpcep-approver` program: connects the process with the command line. Holds no command. */
import { runCommandLine } from './run-command-line.ts';
import { processTerminal } from './terminal.ts';

let stop: AbortSignal | undefined;

process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: processTerminal(),
  env: process.env,
  folder: process.cwd(),
  // Only a command that asks can come to an orderly end; any other is ended by the signal itself, also while it waits for a file.
  get stop() {
    stop ??= stopOnSignals();
    return stop;
  },
});

function stopOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // The first one asks for an orderly end. The second one finds no handler, and ends the process; the trail allows for that.
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}
