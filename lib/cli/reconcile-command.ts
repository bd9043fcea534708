/** `vpcep-approver reconcile`: one run over one connection. */
import type { ReconcileResult } from '../reconcile/reconcile.ts';
import { type Command, EXIT_WRONG, parseArguments } from './command.ts';
import { plain } from './terminal.ts';
import { RUN_OPTIONS, runApprover } from './with-approver.ts';

const WHY_NOTHING: Readonly<Record<ReconcileResult['verdict'], string | null>> = {
  judged: null,
  superseded: null,
  unreachable: null,
  'no-connection': 'the service has no such connection; expected the id of an endpoint that is connected to it',
  'not-governed': 'no target of the configuration governs a service with this id',
};

export const reconcileCommand: Command = {
  name: 'reconcile',
  summary: 'judge one connection',
  usage: `reconcile SERVICE-ID ENDPOINT-ID [--dry-run] [--json] [--strict] [--config FILE]

  --dry-run   take the same way, send no accept or reject
  --json      one JSON document on standard output
  --strict    exit 1 on warnings too`,
  run: async (args, surroundings) => {
    const { values, positionals } = parseArguments(args, RUN_OPTIONS, ['SERVICE-ID', 'ENDPOINT-ID']);
    const [serviceId = '', endpointId = ''] = positionals;
    const verdicts: ReconcileResult['verdict'][] = [];
    const exitCode = await runApprover(values, surroundings, async (approver, request) => {
      const result = await approver.reconcile(request, { serviceId, endpointId });
      verdicts.push(result.verdict);
      return result;
    });
    const why = verdicts.map((verdict) => WHY_NOTHING[verdict]).find((text) => text !== null);
    if (why === undefined) return exitCode;
    surroundings.terminal.complain(`vpcep-approver: ${plain(`${serviceId}/${endpointId}`)}: ${why}`);
    return EXIT_WRONG;
  },
};
