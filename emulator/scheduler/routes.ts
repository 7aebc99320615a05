// Routes of Cloud Scheduler v1: its one job can be listed, read, run, paused and resumed. Making other jobs is not
// emulated: nothing of the product does it.
import { notEmulated, rpcError } from '../google-error.ts';
import { requireBearer, type Tokens } from '../oidc/tokens.ts';
import { json, type Call, type Params, type Reply, type Route } from '../router.ts';
import type { Scheduler } from './scheduler.ts';
import { JOB_ID } from './state.ts';

export interface SchedulerRoutesOptions {
  project: { id: string; number: string };
  location: string;
  tokens: Tokens;
  scheduler: Scheduler;
}

const JOBS = '/v1/projects/:project/locations/:location/jobs';

export function createSchedulerRoutes(options: SchedulerRoutesOptions): Route[] {
  const { scheduler, location } = options;
  const route = (
    method: string,
    path: string,
    handle: (params: Params) => Reply | Promise<Reply>,
  ): Route => ({
    method,
    path,
    handle: (call, params) => {
      check(call, params, options);
      return handle(params);
    },
  });
  const onJob = (verb: string, act: () => void): Route =>
    route('POST', `${JOBS}/:job:${verb}`, (params) => {
      checkJob(params, options);
      act();
      return json(scheduler.show());
    });
  return [
    route('GET', JOBS, (params) =>
      json(params['location'] === location ? { jobs: [scheduler.show()] } : {}),
    ),
    route('GET', `${JOBS}/:job`, (params) => {
      checkJob(params, options);
      return json(scheduler.show());
    }),
    onJob('run', () => {
      scheduler.run();
    }),
    onJob('pause', () => {
      setPaused(scheduler, true);
    }),
    onJob('resume', () => {
      setPaused(scheduler, false);
    }),
    ...[
      ['POST', JOBS],
      ['PATCH', `${JOBS}/:job`],
      ['DELETE', `${JOBS}/:job`],
    ].map(([method = '', path = '']) =>
      route(method, path, () => {
        throw notEmulated(`changes of the scheduler's jobs (${method})`);
      }),
    ),
  ];
}

function check(call: Call, { project = '' }: Params, options: SchedulerRoutesOptions): void {
  requireBearer(options.tokens, call.headers.authorization);
  const { id, number } = options.project;
  if (project === id || project === number) return;
  throw rpcError('PERMISSION_DENIED', 'The principal lacks IAM permission for this project.');
}

function checkJob({ location, job }: Params, options: SchedulerRoutesOptions): void {
  if (location === options.location && job === JOB_ID) return;
  throw rpcError('NOT_FOUND', 'Job not found.');
}

function setPaused(scheduler: Scheduler, isPaused: boolean): void {
  if (scheduler.isPaused === isPaused) {
    const wanted = isPaused ? 'enabled to be paused' : 'paused to be resumed';
    throw rpcError('FAILED_PRECONDITION', `Job must be ${wanted}.`);
  }
  scheduler.setPaused(isPaused);
}
