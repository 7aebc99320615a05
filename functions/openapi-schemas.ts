// The JSON schemas of the OpenAPI document, from the zod schemas of contract.ts; those with a name are its components.
// Used by openapi.ts.
import { z } from 'zod';
import {
  buildImageRequest,
  connectResponse,
  createSessionRequest,
  errorBody,
  extendImageRequest,
  extendSessionRequest,
  image,
  listSessionsResponse,
  logsResponse,
  registerRequest,
  registerResponse,
  reportRequest,
  reportResponse,
  session,
} from './contract.ts';

/** Whether it is asked or answered. */
type Direction = 'input' | 'output';

const NAMED: Readonly<Record<Direction, Readonly<Record<string, z.ZodType>>>> = {
  input: {
    CreateSessionRequest: createSessionRequest,
    ExtendSessionRequest: extendSessionRequest,
    BuildImageRequest: buildImageRequest,
    ExtendImageRequest: extendImageRequest,
    RegisterRequest: registerRequest,
    ReportRequest: reportRequest,
  },
  output: {
    Session: session,
    ListSessionsResponse: listSessionsResponse,
    ConnectResponse: connectResponse,
    LogsResponse: logsResponse,
    Image: image,
    RegisterResponse: registerResponse,
    ReportResponse: reportResponse,
    Error: errorBody,
  },
};

type JsonSchema = z.core.JSONSchema.BaseSchema;

export function componentSchemas(): Record<string, JsonSchema> {
  return { ...namedSchemas('input'), ...namedSchemas('output') };
}

/** A reference, if it is one of the components. */
export function schemaOf(schema: z.ZodType, io: Direction): JsonSchema {
  const named = Object.entries(NAMED[io]).find(([, known]) => known === schema);
  return named ? { $ref: uri(named[0]) } : plain(z.toJSONSchema(schema, { io, override }));
}

export interface Parameter {
  name: string;
  isRequired: boolean;
  /** What its text is read as, so that numbers are numbers. */
  schema: JsonSchema;
}

export function parametersIn(query: z.ZodType): Parameter[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'output', override });
  return Object.entries(properties).flatMap(([name, schema]) =>
    typeof schema === 'boolean' ? [] : [{ name, isRequired: required.includes(name), schema }],
  );
}

function namedSchemas(io: Direction): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED[io])) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io, uri, override });
  return Object.fromEntries(Object.entries(schemas).map(([name, made]) => [name, plain(made)]));
}

function uri(name: string): string {
  return `#/components/schemas/${name}`;
}

/** In the document they have neither an address nor a dialect of their own. */
function plain(made: JsonSchema): JsonSchema {
  const schema = { ...made };
  delete schema.$schema;
  delete schema.$id;
  return schema;
}

/**
 * A later version may answer more: only requests (which are strict) refuse what they do not know. The bounds of what
 * JavaScript can count say nothing about the API.
 */
function override({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: JsonSchema;
}): void {
  const isStrict =
    zodSchema._zod.def.type === 'object' && zodSchema._zod.def.catchall !== undefined;
  if (!isStrict && jsonSchema.additionalProperties === false)
    delete jsonSchema.additionalProperties;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}
