// The OpenAPI 3.1 document, made from the endpoints of api.ts and the zod schemas of contract.ts. Loaded when somebody
// asks for it. openapi-schemas.ts has the schemas.
import { HTTP_STATUS, type ErrorCode } from './contract.ts';
import { SESSION_ID, type Declared } from './endpoint.ts';
import { componentSchemas, parametersIn, schemaOf } from './openapi-schemas.ts';

/** When it is answered, and what to do about it. */
const ERRORS: Readonly<Record<ErrorCode, string>> = {
  INVALID_ARGUMENT: 'The request is wrong; its details name the fields.',
  FAILED_PRECONDITION:
    'Not in the state that the session is in; the message says what to do first.',
  UNAUTHENTICATED: 'No ID token, or one that is not accepted: get a new one.',
  PERMISSION_DENIED: 'The caller may not do that.',
  NOT_FOUND: 'It is not there, or not the caller’s.',
  ABORTED: 'It has changed since: get it again, then decide anew.',
  ALREADY_EXISTS: 'It is there, and another one than was asked for.',
  RESOURCE_EXHAUSTED: 'A quota of the project, or Google’s rate limit: wait, then ask again.',
  INTERNAL: 'A bug of the backend; its log says more.',
  UNIMPLEMENTED: 'Google does not do that.',
  UNAVAILABLE: 'Google or the store did not answer: ask again, it is safe.',
  DEADLINE_EXCEEDED: 'Google took too long: ask again, it is safe.',
};

const TAGS = {
  sessions: 'Kernel hosts on Compute Engine.',
  image: 'The project’s gateway image, from which sessions run.',
  agent: 'Internal: what the agent on an instance asks.',
  service: 'About the API itself.',
};

/** @param url where the API is reached */
export function describeApi(endpoints: readonly Declared[], url: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of endpoints) {
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operationOf(endpoint);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Datalab on GCP',
      version: 'v1',
      description:
        'Sessions: kernel hosts on Compute Engine. Every call is safe to repeat. Errors are those of AIP-193.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: componentSchemas(),
      responses: Object.fromEntries(
        Object.entries(errorsByStatus()).map(([status, description]) => [
          `Error${status}`,
          { description, content: json({ $ref: '#/components/schemas/Error' }) },
        ]),
      ),
      securitySchemes: {
        user: bearer('A Google ID token of a person or a service account.'),
        agent: bearer('The identity token of the instance, format=full.'),
        platform: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Serverless-Authorization',
          description: '"Bearer" and the same token, for Cloud Run, which takes it away.',
        },
      },
    },
  };
}

function operationOf(endpoint: Declared): object {
  const { operationId, summary, caller, body, response } = endpoint;
  return {
    operationId,
    summary,
    tags: [tagOf(endpoint)],
    security: caller === 'anybody' ? [] : [{ [caller]: [], platform: [] }],
    parameters: parametersOf(endpoint),
    ...(body ? { requestBody: { content: json(schemaOf(body, 'input')) } } : {}),
    responses: {
      200: { description: 'OK', content: json(schemaOf(response, 'output')) },
      ...Object.fromEntries(
        errorStatusesOf(endpoint).map((status) => [
          status,
          { $ref: `#/components/responses/Error${status}` },
        ]),
      ),
      default: {
        description: 'Any other error.',
        content: json({ $ref: '#/components/schemas/Error' }),
      },
    },
  };
}

function parametersOf({ path, query, takesEtag }: Declared): object[] {
  const id = {
    name: 'id',
    in: 'path',
    required: true,
    description: 'id of the session.',
    schema: { type: 'string', pattern: `^${SESSION_ID}$` },
  };
  const etag = {
    name: 'If-Match',
    in: 'header',
    required: false,
    description:
      'etag of the session as it was seen, or several, or *: with another one nothing is changed, and the answer is ABORTED (AIP-154).',
    schema: { type: 'string' },
  };
  const inQuery = (query ? parametersIn(query) : []).map(
    ({ name, isRequired, schema: { description, ...schema } }) => ({
      name,
      in: 'query',
      required: isRequired,
      ...(description === undefined ? {} : { description }),
      schema,
    }),
  );
  return [
    ...(path.includes('{id}') ? [id] : []),
    ...(takesEtag === true ? [etag] : []),
    ...inQuery,
  ];
}

function tagOf({ caller, path }: Declared): keyof typeof TAGS {
  if (caller === 'agent') return 'agent';
  if (path.startsWith('/v1/image')) return 'image';
  return path.startsWith('/v1/sessions') ? 'sessions' : 'service';
}

/** Those that a caller should be ready for; what is rarer is `default`. */
function errorStatusesOf({ method, path, caller, query, body }: Declared): number[] {
  const takesSomething = query !== undefined || body !== undefined;
  const isKnownCaller = caller !== 'anybody';
  return [
    ...(takesSomething ? [400] : []),
    ...(isKnownCaller ? [401, 403] : []),
    ...(path.includes('{id}') ? [404] : []),
    ...(method === 'GET' ? [] : [409]),
    ...(isKnownCaller ? [429, 503] : []),
  ];
}

/** Several codes may have one status. */
function errorsByStatus(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [code, description] of Object.entries(ERRORS) as [ErrorCode, string][]) {
    const status = String(HTTP_STATUS[code]);
    const line = `${code}: ${description}`;
    found[status] = found[status] === undefined ? line : `${found[status]} ${line}`;
  }
  return found;
}

function json(schema: object): object {
  return { 'application/json': { schema } };
}

function bearer(description: string): object {
  return { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description };
}
