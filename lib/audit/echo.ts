/**
 * Every record once more as a line on standard output, for whoever watches the logs. Not the trail: a line that cannot be
 * written is lost, and the run goes on. Has no level setting on purpose, so no configuration can silence it.
 */
import { type DestinationStream, pino } from 'pino';
import { digestOfJson } from '../core/digest.ts';
import type { AuditRecord } from './record.ts';

const LINE_BYTES_MAX = 64 * 1024;
const SUBJECT_LENGTH_MAX = 1_024;

/**
 * Returns a function that writes a record as one line: `{"level":30,"type":"audit","record":{…}}`. It writes before it
 * returns, and does not throw.
 *
 * No line is over 64 KiB, its newline included: platforms cut longer ones in the middle. A record that would be says
 * `"truncated":true` and has its `id`, `source`, `type`, `time` and `subject`, and in place of its data the `digest` of the whole record.
 */
export function createEcho(destination: DestinationStream = standardOutput()): (record: AuditRecord) => void {
  let isTooLong = false;
  const limited: DestinationStream = {
    write(line) {
      isTooLong = Buffer.byteLength(line) > LINE_BYTES_MAX;
      if (!isTooLong) destination.write(line);
    },
  };
  const logger = pino({ base: null, timestamp: false, level: 'info' }, limited);
  return (record) => {
    logger.info({ type: 'audit', record });
    if (isTooLong)
      logger.info({ type: 'audit', truncated: true, record: nameOf(record), digest: digestOfJson(record) });
  };
}

function nameOf({ id, source, type, time, subject }: AuditRecord): Record<string, string> {
  return {
    id,
    source,
    type,
    time,
    ...(subject === undefined ? {} : { subject: subject.slice(0, SUBJECT_LENGTH_MAX) }),
  };
}

// Synchronous: a serverless platform freezes the process as soon as the handler returns, with whatever is still buffered.
function standardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true });
  // Without a listener a closed pipe (`… | head`) would end the process in the middle of a batch.
  output.on('error', () => {});
  return output;
}
