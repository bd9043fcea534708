/** The scheduled function: AWS Lambda's door to one sweep. Translates the platform's context; holds no policy and no cloud client. */
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { createApprover } from '../lib/approver.ts';
import { readBuildInfo } from '../lib/build-info.ts';
import { configPath, loadConfig } from '../lib/config.ts';

/** What the function answers: the counts of `run.finished`. Everything else is in the trail and on standard output. */
export interface SweepAnswer {
  readonly run_id: string;
  readonly mode: 'enforce' | 'dry-run';
  readonly counts: Readonly<Record<string, number>>;
  readonly complete: boolean;
}

/**
 * Runs one sweep and ends before the platform's deadline, with `complete: false` when not everything could be done. Fails only
 * when nothing could be done at all: broken configuration, policy or credentials, or a trail that cannot be written.
 */
export const handler = middy<unknown, SweepAnswer>().handler(async (_event: unknown, context: Context) => {
  // The configuration travels in the package, beside the bundle.
  const config = loadConfig(configPath(undefined, process.env, import.meta.dirname), process.env);
  // Made anew each time: credentials and policy are cheap to read, and a warm instance must not keep refused ones.
  const approver = createApprover({ config, env: process.env, build: readBuildInfo(), echoes: true });
  const result = await approver.sweep({
    trigger: 'timer',
    requestId: context.awsRequestId,
    budgetMs: context.getRemainingTimeInMillis(),
  });
  return { run_id: result.runId, mode: result.mode, counts: { ...result.counts }, complete: result.isComplete };
});
