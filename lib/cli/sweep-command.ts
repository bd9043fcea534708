/** `vpcep-approver sweep`: one full run over all targets. */
import { type Command, parseArguments } from './command.ts';
import { RUN_OPTIONS, runApprover } from './with-approver.ts';

export const sweepCommand: Command = {
  name: 'sweep',
  summary: 'judge every pending connection of all targets, once',
  usage: `sweep [--dry-run] [--json] [--strict] [--config FILE]

  --dry-run   take the same way, send no accept or reject
  --json      one JSON document on standard output
  --strict    exit 1 on warnings too`,
  run: async (args, surroundings) => {
    const { values } = parseArguments(args, RUN_OPTIONS, []);
    return runApprover(values, surroundings, (approver, request) => approver.sweep(request));
  },
};
