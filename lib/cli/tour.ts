/** What `npm start` runs: the local cloud, one sweep of it under the rehearsal policy, and where to look next. */
import path from 'node:path';
import { createApprover } from '../approver.ts';
import { readBuildInfo } from '../build-info.ts';
import { loadConfig } from '../config.ts';
import { DocumentError } from '../document-error.ts';
import { startEmulator } from '../emulator/emulator.ts';
import { printErrors, printRun } from './run-report.ts';
import { processTerminal } from './terminal.ts';

const root = path.resolve(import.meta.dirname, '../..');
const terminal = processTerminal();
const emulator = await startEmulator();
try {
  const [credential] = emulator.cloud.credentials();
  const config = loadConfig(path.join(root, 'policies/approver.json'), {});
  terminal.print(
    `The local cloud runs at ${emulator.url}; ${emulator.cloud.count({ status: 'pendingAcceptance' })} connections wait there.`,
  );
  terminal.print(`One sweep judges them by policies/policy.json:\n`);
  const approver = createApprover({
    config: { ...config, targets: config.targets.map((target) => ({ ...target, endpoint: emulator.url })) },
    env: { HUAWEICLOUD_SDK_AK: credential?.access_key, HUAWEICLOUD_SDK_SK: credential?.secret_key },
    build: readBuildInfo(),
    echoes: false,
  });
  const result = await approver.sweep({ trigger: 'cli', requestId: null, budgetMs: null });
  const trail = path.join(root, '.approver/audit/trail');
  printRun(result, trail, terminal);
  printErrors(result, terminal);
  terminal.print(`
Look next:
  ${path.relative(process.cwd(), trail) || trail}   the audit trail, one JSON record a line
  policies/policy.json    the policy; change a rule and run \`npm start\` again
  npm run build           then \`node dist/cli.mjs --help\`: rehearse against \`node dist/cli.mjs emulator\``);
  process.exitCode = result.counts.failed > 0 || !result.isComplete ? 1 : 0;
} catch (error) {
  terminal.complain(`npm start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = error instanceof DocumentError ? 2 : 1;
} finally {
  await emulator.close();
}
