/** `vpcep-approver emulator`: the local cloud, until it is stopped. */
import path from 'node:path';
import { DocumentError } from '../document-error.ts';
import { type Emulator, type EmulatorOptions, startEmulator } from '../emulator/emulator.ts';
import { readScenario, type Scenario, type ScenarioCredential } from '../emulator/scenario.ts';
import { ScenarioError } from '../emulator/scenario-reader.ts';
import { readJsonFile } from '../policy-file.ts';
import { type Command, EXIT_OK, parseArguments, UsageError, wholeNumber } from './command.ts';
import { plain } from './terminal.ts';

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
    const emulator = await start({
      port: wholeNumber('--port', values.port ?? '9080', 0, 65_535),
      ...(values.scenario !== undefined && { scenario: loadScenario(path.resolve(folder, values.scenario)) }),
      ...(values.faults !== undefined && { faults: values.faults }),
      onLog: (line) => terminal.print(plain(line)),
    });
    terminal.print(`local cloud at ${emulator.url} (stop with Ctrl-C)`);
    for (const credential of emulator.cloud.credentials()) terminal.print(`  ${variablesOf(credential)}`);
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => resolve(), { once: true });
    });
    await emulator.close();
    return EXIT_OK;
  },
};

async function start(options: EmulatorOptions): Promise<Emulator> {
  try {
    return await startEmulator(options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE')
      throw new UsageError(`--port: found ${options.port} taken, expected a free port (0 for any)`);
    if (code === 'EACCES')
      throw new UsageError(`--port: found ${options.port}, which this user may not open, expected one above 1023`);
    throw error;
  }
}

/** What to set for the approver, in the form that a shell takes. */
function variablesOf({ access_key, secret_key, security_token }: ScenarioCredential): string {
  const token = security_token === undefined ? '' : ` HUAWEICLOUD_SDK_SECURITY_TOKEN=${security_token}`;
  return plain(`HUAWEICLOUD_SDK_AK=${access_key} HUAWEICLOUD_SDK_SK=${secret_key}${token}`);
}

function loadScenario(file: string): Scenario {
  const { value } = readJsonFile(file, 'a scenario');
  try {
    return readScenario(value);
  } catch (error) {
    if (error instanceof ScenarioError) throw new DocumentError(file, [`${file}: ${error.message}`], error);
    throw error;
  }
}
