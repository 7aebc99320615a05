// Routes of what Compute Engine has without anybody making it.
import { notFound } from '../google-error.ts';
import { json } from '../router.ts';
import {
  findImage,
  hasMachineType,
  machineTypeNames,
  machineTypeResource,
  networkResource,
  projectResource,
  regionNames,
  regionResource,
  zoneNames,
  zoneResource,
} from './catalog.ts';
import {
  aggregated,
  type ComputeRoutesOptions,
  type Declaration,
  type Request,
} from './declaration.ts';
import type { Json } from './links.ts';
import { answerList, LIST_PARAMETERS } from './listing.ts';

export function projectRoutes({ project }: ComputeRoutesOptions): Declaration[] {
  return [
    { method: 'GET', path: '', handle: () => json(projectResource(project.id, project.number)) },
  ];
}

export function catalogRoutes({ project: { id } }: ComputeRoutesOptions): Declaration[] {
  const list = (path: string, kind: string, items: (zone: string) => Json[]): Declaration => ({
    method: 'GET',
    path,
    query: LIST_PARAMETERS,
    handle: ({ call, zone }) =>
      answerList(call, {
        kind,
        path: `projects/${id}${path.replace(':zone', zone)}`,
        items: items(zone),
      }),
  });
  const get = (path: string, find: (request: Request) => Json | undefined): Declaration => ({
    method: 'GET',
    path,
    handle: (request) => {
      const found = find(request);
      if (found) return json(found);
      throw notFound(request.call.path.replace('/compute/v1/', ''));
    },
  });
  const known = (names: string[], name: string, make: (name: string) => Json) =>
    names.includes(name) ? make(name) : undefined;
  const machineTypes = (zone: string) =>
    machineTypeNames().map((name) => machineTypeResource(id, zone, name));
  return [
    list('/zones', 'compute#zoneList', () => zoneNames().map((zone) => zoneResource(id, zone))),
    get('/zones/:name', ({ params: { name = '' } }) =>
      known(zoneNames(), name, (zone) => zoneResource(id, zone)),
    ),
    list('/regions', 'compute#regionList', () =>
      regionNames().map((region) => regionResource(id, region)),
    ),
    get('/regions/:name', ({ params: { name = '' } }) =>
      known(regionNames(), name, (region) => regionResource(id, region)),
    ),
    list('/zones/:zone/machineTypes', 'compute#machineTypeList', machineTypes),
    get('/zones/:zone/machineTypes/:name', ({ zone, params: { name = '' } }) =>
      hasMachineType(name) ? machineTypeResource(id, zone, name) : undefined,
    ),
    aggregated(id, 'machineTypes', 'compute#machineTypeAggregatedList', () =>
      zoneNames().flatMap((zone) =>
        machineTypes(zone).map((item) => ({ scope: `zones/${zone}`, item })),
      ),
    ),
    get('/global/images/family/:name', ({ params: { project = '', name = '' } }) =>
      findImage(project, `family/${name}`),
    ),
    get('/global/images/:name', ({ params: { project = '', name = '' } }) =>
      findImage(project, name),
    ),
    list('/global/networks', 'compute#networkList', () => [networkResource(id)]),
    get('/global/networks/:name', ({ params: { name = '' } }) =>
      known(['default'], name, () => networkResource(id)),
    ),
  ];
}
