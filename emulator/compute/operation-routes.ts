// Routes of zone operations: what became of a change.
import { waitAtMost } from '../clock.ts';
import { invalidValue, notFound } from '../google-error.ts';
import { json } from '../router.ts';
import {
  aggregated,
  scoped,
  type ComputeRoutesOptions,
  type Declaration,
  type Request,
} from './declaration.ts';
import { operationPath } from './links.ts';
import { answerList, LIST_PARAMETERS } from './listing.ts';
import type { OperationRecord } from './state.ts';

/** Google's `wait` gives up after two minutes, with the operation as it is then. */
const WAIT_MILLISECONDS = 120_000;

export function operationRoutes({
  project,
  state,
  operations,
  clock,
}: ComputeRoutesOptions): Declaration[] {
  const base = '/zones/:zone/operations';
  const find = ({ zone, params: { name = '' } }: Request): OperationRecord => {
    const found = state.value.operations.find(
      ({ zone: place, resource }) => place === zone && resource.name === name,
    );
    if (found) return found;
    throw notFound(operationPath(project.id, zone, name));
  };
  return [
    {
      method: 'GET',
      path: base,
      query: LIST_PARAMETERS,
      handle: ({ call, zone }) => {
        const own = state.value.operations.filter((operation) => operation.zone === zone);
        return answerList(call, {
          kind: 'compute#operationList',
          path: `projects/${project.id}/zones/${zone}/operations`,
          items: own.map(({ resource }) => resource),
        });
      },
    },
    aggregated(project.id, 'operations', 'compute#operationAggregatedList', () =>
      state.value.operations.map(scoped),
    ),
    { method: 'GET', path: `${base}/:name`, handle: (request) => json(find(request).resource) },
    {
      method: 'POST',
      path: `${base}/:name/wait`,
      handle: async (request) => {
        const operation = find(request);
        const ended = operations.ended(operation.resource.name);
        await waitAtMost(clock, WAIT_MILLISECONDS, ended);
        return json(operation.resource);
      },
    },
    {
      method: 'DELETE',
      path: `${base}/:name`,
      handle: (request) => {
        const operation = find(request);
        if (operation.resource.status !== 'DONE') {
          const why = 'Only operations that are DONE can be deleted.';
          throw invalidValue('operation', operation.resource.name, why);
        }
        state.value.operations = state.value.operations.filter((other) => other !== operation);
        state.save();
        return { status: 204 };
      },
    },
  ];
}
