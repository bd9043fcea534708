/** `vpcep-approver emulator`: the local cloud, until it is stopped. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { unreadableDocument } from '../document-error.ts';
import { startEmulator } from '../emulator/emulator.ts';
import { parseScenario, type Scenario } from '../emulator/scenario.ts';
import { type Command, EXIT_OK, parseArguments, wholeNumber } from './command.ts';

export const emulatorCommand: Command = {
  name: 'emulator',
  summary: 'run the local cloud on loopback, to rehearse a policy',
  usage: `emulator [--port 9080] [--scenario FILE] [--faults SPEC]

  --port       0 for any free port
  --scenario   projects, services and connections; without it, the tour
  --faults     for example throttle:0.1@POST,slow=800ms,reset-after:1`,
  run: async (args, { terminal, folder, stop }) => {
    const { values } = parseArguments(
      args,
      { port: { type: 'string' }, scenario: { type: 'string' }, faults: { type: 'string' } },
      [],
    );
    const emulator = await startEmulator({
      port: wholeNumber('--port', values.port ?? '9080', 0, 65_535),
      ...(values.scenario !== undefined && { scenario: loadScenario(path.resolve(folder, values.scenario)) }),
      ...(values.faults !== undefined && { faults: values.faults }),
      onLog: (line) => terminal.print(line),
    });
    terminal.print(`local cloud at ${emulator.url} (stop with Ctrl-C)`);
    for (const { access_key, secret_key } of emulator.cloud.credentials()) {
      terminal.print(`  HUAWEICLOUD_SDK_AK=${access_key} HUAWEICLOUD_SDK_SK=${secret_key}`);
    }
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => resolve(), { once: true });
    });
    await emulator.close();
    return EXIT_OK;
  },
};

function loadScenario(file: string): Scenario {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadableDocument(file, 'a scenario', error);
  }
  return parseScenario(text);
}
