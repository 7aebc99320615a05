// Routes of instances and their disks.
import { notFound } from '../google-error.ts';
import { json } from '../router.ts';
import {
  aggregated,
  scoped,
  type ComputeRoutesOptions,
  type Declaration,
  type Request,
} from './declaration.ts';
import { findDisk, type Asker } from './instances.ts';
import { answerList, LIST_PARAMETERS } from './listing.ts';
import {
  emptyRequest,
  instanceRequest,
  parseBody,
  readRequestId,
  setLabelsRequest,
  setMetadataRequest,
} from './requests.ts';
import { readSerialPort } from './serial-port.ts';
import type { OperationRecord } from './state.ts';

const MUTATION_PARAMETERS = ['requestId'];
const POWER_VERBS = ['stop', 'start', 'suspend', 'resume', 'reset'] as const;

export function instanceRoutes(options: ComputeRoutesOptions): Declaration[] {
  const { project, state, instances, stateDir, clock } = options;
  const answer = (operation: OperationRecord) => json(operation.resource);
  const base = '/zones/:zone/instances';
  const item = `${base}/:name`;
  const mutation = (
    method: 'POST' | 'DELETE',
    path: string,
    begin: (request: Request, name: string, asker: Asker) => OperationRecord,
    query: readonly string[] = [],
  ): Declaration => ({
    method,
    path,
    query: [...MUTATION_PARAMETERS, ...query],
    handle: (request) => {
      const { call, grant } = request;
      const failure = call.operationFault;
      const asker = { email: grant.email, requestId: readRequestId(call), failure };
      return answer(begin(request, request.params['name'] ?? '', asker));
    },
  });
  return [
    {
      method: 'GET',
      path: base,
      query: LIST_PARAMETERS,
      handle: ({ call, zone }) => {
        const own = state.value.instances.filter((instance) => instance.zone === zone);
        const path = `projects/${project.id}/zones/${zone}/instances`;
        return answerList(call, {
          kind: 'compute#instanceList',
          path,
          items: own.map(({ resource }) => resource),
        });
      },
    },
    aggregated(project.id, 'instances', 'compute#instanceAggregatedList', () =>
      state.value.instances.map(scoped),
    ),
    {
      method: 'GET',
      path: item,
      handle: ({ zone, params: { name = '' } }) => json(instances.get(zone, name).resource),
    },
    {
      method: 'GET',
      path: `${item}/serialPort`,
      query: ['port', 'start'],
      handle: ({ call, zone, params: { name = '' } }) =>
        json(
          readSerialPort(instances.get(zone, name), call.query, { stateDir, project: project.id }),
        ),
    },
    mutation('POST', base, ({ call, zone }, _, asker) =>
      instances.insert(
        parseBody(call, instanceRequest),
        { project: project.id, projectNumber: project.number, zone, clock },
        asker,
      ),
    ),
    mutation('DELETE', item, ({ zone }, name, asker) => instances.delete(zone, name, asker)),
    ...POWER_VERBS.map((verb) =>
      mutation('POST', `${item}/${verb}`, ({ call, zone }, name, asker) => {
        parseBody(call, emptyRequest);
        return instances.power(verb, zone, name, asker);
      }),
    ),
    mutation('POST', `${item}/setLabels`, ({ call, zone }, name, asker) =>
      instances.setLabels(zone, name, parseBody(call, setLabelsRequest), asker),
    ),
    mutation('POST', `${item}/setMetadata`, ({ call, zone }, name, asker) =>
      instances.setMetadata(zone, name, parseBody(call, setMetadataRequest), asker),
    ),
  ];
}

export function diskRoutes({ project, state }: ComputeRoutesOptions): Declaration[] {
  return [
    {
      method: 'GET',
      path: '/zones/:zone/disks',
      query: LIST_PARAMETERS,
      handle: ({ call, zone }) => {
        const own = state.value.disks.filter((disk) => disk.zone === zone);
        const path = `projects/${project.id}/zones/${zone}/disks`;
        return answerList(call, {
          kind: 'compute#diskList',
          path,
          items: own.map(({ resource }) => resource),
        });
      },
    },
    aggregated(project.id, 'disks', 'compute#diskAggregatedList', () =>
      state.value.disks.map(scoped),
    ),
    {
      method: 'GET',
      path: '/zones/:zone/disks/:name',
      handle: ({ zone, params: { name = '' } }) => {
        const disk = findDisk(state, zone, name);
        if (disk) return json(disk.resource);
        throw notFound(`projects/${project.id}/zones/${zone}/disks/${name}`);
      },
    },
  ];
}
