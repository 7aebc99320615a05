// The OpenAPI 3.1 document, made from the endpoints of api.ts and the zod schemas of contract.ts. Loaded when somebody
// asks for it.
import { z } from 'zod';
import { errorBody, image, session } from './contract.ts';
import type { Declared } from './endpoint.ts';

const NAMED = { Session: session, Image: image, Error: errorBody };
type SchemaName = keyof typeof NAMED;

/** @param url where the API is reached */
export function describeApi(endpoints: readonly Declared[], url: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of endpoints) {
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operationOf(endpoint);
  }
  const schemas = Object.fromEntries(
    Object.entries(NAMED).map(([name, schema]) => [name, jsonSchema(schema, 'output')]),
  );
  return {
    openapi: '3.1.1',
    info: {
      title: 'Datalab on GCP',
      version: 'v1',
      description: 'Sessions: kernel hosts on Compute Engine. Errors are those of AIP-193.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        user: bearer('A Google ID token of a person or a service account.'),
        agent: bearer('The identity token of the instance, format=full.'),
      },
    },
  };
}

function operationOf(endpoint: Declared): object {
  const { operationId, summary, caller, body, response } = endpoint;
  return {
    operationId,
    summary,
    security: caller === 'anybody' ? [] : [{ [caller]: [] }],
    parameters: parametersOf(endpoint),
    ...(body ? { requestBody: { content: json(jsonSchema(body, 'input')) } } : {}),
    responses: {
      200: { description: 'OK', content: json(responseSchema(response)) },
      default: { description: 'What went wrong.', content: json(reference('Error')) },
    },
  };
}

function parametersOf({ path, query, takesEtag }: Declared): object[] {
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
  const etag = { name: 'If-Match', in: 'header', required: false, schema: { type: 'string' } };
  const { properties = {} } = query ? jsonSchema(query, 'input') : {};
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema,
  }));
  return [
    ...(path.includes('{id}') ? [id] : []),
    ...(takesEtag === true ? [etag] : []),
    ...inQuery,
  ];
}

function responseSchema(schema: z.ZodType): object {
  const named = Object.entries(NAMED).find(([, known]) => known === schema);
  return named ? reference(named[0] as SchemaName) : jsonSchema(schema, 'output');
}

/** Query parameters are coerced from text: what goes in is what comes out. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output') {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  delete made.$schema;
  return made;
}

function reference(name: SchemaName): object {
  return { $ref: `#/components/schemas/${name}` };
}

function json(schema: object): object {
  return { 'application/json': { schema } };
}

function bearer(description: string): object {
  return { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description };
}
