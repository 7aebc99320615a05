// The routes of the API as its own OpenAPI document names them, each with the least body that it takes: what a test says
// of every route holds for those that are yet to come.
import { z } from 'zod';
import type { CallOptions, Tooling } from './backend.ts';

export interface ApiRoute {
  method: string;
  /** With `{id}` where a session is named, and the query that it needs. */
  path: string;
  caller: 'anybody' | 'user' | 'agent';
  options: CallOptions;
}

const property = z.looseObject({ type: z.string().optional(), minimum: z.number().default(0) });
const body = z.looseObject({
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), property).default({}),
});
const parameter = z.looseObject({
  name: z.string(),
  in: z.string(),
  required: z.boolean().default(false),
  schema: z.looseObject({ enum: z.array(z.string()).default(['1']) }),
});
const operation = z.looseObject({
  parameters: z.array(parameter).default([]),
  security: z.array(z.looseObject({ user: z.unknown().optional(), agent: z.unknown().optional() })),
  requestBody: z
    .object({ content: z.object({ 'application/json': z.object({ schema: z.looseObject({}) }) }) })
    .optional(),
});
type Operation = z.infer<typeof operation>;

const openApi = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});
type Schemas = z.infer<typeof openApi>['components']['schemas'];

export async function routesOf(tooling: Tooling): Promise<ApiRoute[]> {
  const { paths, components } = openApi.parse(await tooling.ok('GET', '/openapi.json'));
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, found]) => ({
      method: method.toUpperCase(),
      path: path + queryOf(found),
      caller: callerOf(found),
      options: optionsOf(found, components.schemas),
    })),
  );
}

/** Calls it, for this session where it names one. */
export function callRoute(tooling: Tooling, route: ApiRoute, id: string) {
  return tooling.call(route.method, route.path.replace('{id}', id), route.options);
}

function callerOf({ security: [needed = {}] }: Operation): ApiRoute['caller'] {
  if (needed.user) return 'user';
  return needed.agent ? 'agent' : 'anybody';
}

function queryOf({ parameters }: Operation): string {
  const needed = parameters.filter((one) => one.in === 'query' && one.required);
  const query = needed.map(({ name, schema }) => `${name}=${schema.enum[0] ?? ''}`);
  return query.length > 0 ? `?${query.join('&')}` : '';
}

function optionsOf({ requestBody }: Operation, schemas: Schemas): CallOptions {
  if (!requestBody) return {};
  const { schema } = requestBody.content['application/json'];
  const { required, properties } = body.parse(resolved(schema, schemas));
  const fields = required.map((name) => [name, leastOf(name, properties[name])] as const);
  return { body: Object.fromEntries(fields) };
}

/** A named schema is in the document's components. */
function resolved(schema: Record<string, unknown>, schemas: Schemas): unknown {
  const { $ref } = schema;
  return typeof $ref === 'string' ? schemas[$ref.split('/').at(-1) ?? ''] : schema;
}

/** @throws for a type that no required field has had so far */
function leastOf(name: string, { type, minimum }: Partial<z.infer<typeof property>> = {}): unknown {
  switch (type) {
    case 'integer':
    case 'number':
      return minimum;
    case 'string':
      return 'a-value';
    case 'boolean':
      return false;
    case 'array':
      return [];
    default:
      throw new Error(`${name} is required and a ${type ?? 'mystery'}: teach this helper`);
  }
}
