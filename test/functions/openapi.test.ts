// The OpenAPI document as it is served: valid, complete, and what the API really takes and answers.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { createEndpoints } from '../../functions/api.ts';
import { createSessionRequest, HTTP_STATUS } from '../../functions/contract.ts';
import { serveApi } from './api-fixture.ts';

const api = serveApi();

const content = z.object({ 'application/json': z.object({ schema: z.looseObject({}) }) });
const operation = z.looseObject({
  operationId: z.string(),
  parameters: z.array(z.looseObject({ name: z.string(), description: z.string() })),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content })),
});
const document = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

/** With every reference followed. */
let served: z.infer<typeof document>;

function operationOf(method: string, path: string): z.infer<typeof operation> {
  const found = served.paths[path]?.[method.toLowerCase()];
  assert.ok(found, `${method} ${path} is not in the document`);
  return found;
}

/** Calls the API, and holds what it answers against the document. */
async function call(
  method: string,
  path: string,
  id = '',
  body?: unknown,
  query = '',
): Promise<unknown> {
  const at = path.replace('{id}', id) + query;
  const answer = await api.call(method, at, body === undefined ? {} : { body });
  const { responses } = operationOf(method, path);
  const described = responses[String(answer.status)];
  assert.ok(
    described,
    `${method} ${path} answers ${answer.status}, which the document does not say`,
  );
  const schema = z.fromJSONSchema(described.content['application/json'].schema);
  const parsed = schema.safeParse(answer.body);
  assert.ok(parsed.success, `${method} ${path}: ${String(parsed.error)}`);
  return answer.body;
}

describe('the OpenAPI document', () => {
  before(async () => {
    const reply = await fetch(`${api.url()}/openapi.json`);
    const validator = new Validator();
    const { valid, errors } = await validator.validate(
      (await reply.json()) as Record<string, unknown>,
    );
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(validator.version, '3.1');
    served = document.parse(validator.resolveRefs());
  });

  it('has every endpoint once, and nothing else', () => {
    const endpoints = createEndpoints(() => {
      throw new Error('not used here');
    });
    const described = Object.entries(served.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(
      described.sort(),
      endpoints.map(({ method, path }) => `${method} ${path}`).sort(),
    );
    const ids = Object.values(served.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  it('says of every call that needs a token how it is refused', () => {
    const { responses } = operationOf('POST', '/v1/sessions/{id}:stop');
    assert.deepEqual(Object.keys(responses), [
      '200',
      '400',
      '401',
      '403',
      '404',
      '409',
      '429',
      '503',
      'default',
    ]);
    assert.match(responses['409']?.description ?? '', /ABORTED: .* ALREADY_EXISTS: /);
    assert.deepEqual(Object.keys(operationOf('GET', '/health').responses), ['200', 'default']);
    const statuses = new Set(Object.values(HTTP_STATUS).map(String));
    for (const status of Object.keys(responses).slice(1, -1)) assert.ok(statuses.has(status));
  });

  it('bounds what is waited for, and refuses unknown fields in requests only', () => {
    const { parameters } = operationOf('GET', '/v1/sessions/{id}');
    const wait = parameters.find(({ name }) => name === 'waitSeconds');
    assert.deepEqual(wait?.['schema'], { type: 'integer', minimum: 0, maximum: 45 });
    const logs = operationOf('GET', '/v1/sessions/{id}:logs').parameters;
    assert.deepEqual(
      logs.map(({ name, ['required']: isRequired }) => [name, isRequired]),
      [
        ['id', true],
        ['source', true],
        ['limit', false],
        ['after', false],
      ],
    );
    const create = operationOf('POST', '/v1/sessions');
    const request = create.requestBody?.content['application/json'].schema;
    assert.equal(request?.['additionalProperties'], false);
    const answer = create.responses['200']?.content['application/json'].schema;
    assert.equal(answer?.['additionalProperties'], undefined);
  });

  it('describes every field of the request for a session, with an example that is taken', async () => {
    const create = operationOf('POST', '/v1/sessions');
    const schema = create.requestBody?.content['application/json'].schema ?? {};
    const properties = schema['properties'] as Record<string, { description?: string }>;
    assert.deepEqual(Object.keys(properties), Object.keys(createSessionRequest.shape));
    for (const [name, { description }] of Object.entries(properties)) assert.ok(description, name);
    const [example] = schema['examples'] as [object];
    await call('POST', '/v1/sessions', '', { ...example, validateOnly: true });
  });

  it('holds what the API answers, errors too', async () => {
    await call('GET', '/health');
    await call('GET', '/openapi.json');
    await call('GET', '/v1/image');
    await call('POST', '/v1/image:build', '', {});
    await call('POST', '/v1/sessions', '', { name: 'Not_a_name' });
    const { id } = (await call('POST', '/v1/sessions', '', { labels: { team: 'a' } })) as {
      id: string;
    };
    await call('POST', '/v1/sessions/{id}:connect', id);
    await api.makeReady(id);
    await call('POST', '/v1/sessions/{id}:connect', id);
    await call('POST', '/v1/sessions/{id}:extend', id, { seconds: 3600 });
    await call('GET', '/v1/sessions/{id}', id);
    for (const query of ['?source=agent', '?source=vm', '?source=none'])
      await call('GET', '/v1/sessions/{id}:logs', id, undefined, query);
    await call('GET', '/v1/image:logs');
    await call('GET', '/v1/sessions');
    for (const verb of [':suspend', ':start', ':stop'])
      await call('POST', `/v1/sessions/{id}${verb}`, id);
    await call('DELETE', '/v1/sessions/{id}', id);
    await call('GET', '/v1/sessions/{id}', 'nosuch');
    await call('POST', '/v1/sessions/{id}:register', id, { agentVersion: '1', bootId: '1' });
    await api.remove(id);
  });
});
