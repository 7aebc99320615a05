// docs/api.md is run, block by block, against the whole backend on the emulator: what it shows is what comes.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createEndpoints } from '../../functions/api.ts';
import {
  createSessionRequest,
  ERROR_CODES,
  errorBody,
  HTTP_STATUS,
  SESSION_STATES,
} from '../../functions/contract.ts';
import { routeOf } from '../../functions/endpoint.ts';
import { FIRST_USER, signIn } from '../emulator/cloud-fixture.ts';
import { startBackend } from '../helpers/backend.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { blocksOf, differences, PAGE, runBlocks, type Call } from './api-page.ts';

const ENDPOINTS = createEndpoints(() => {
  throw new Error('not used here');
});

function endpointOf({ method, url }: Call) {
  const found = ENDPOINTS.find(
    (one) => one.method === method && routeOf(one).pattern.test(url.pathname),
  );
  assert.ok(found, `there is no ${method} ${url.pathname}`);
  return found;
}

/** By the schemas of contract.ts, and without a field that they do not know. */
function checkAnswer(call: Call): void {
  const { response } = endpointOf(call);
  const schema = call.status === 200 ? response : errorBody;
  assert.deepEqual(schema.parse(call.body), call.body);
  if (call.status !== 200) assert.equal(errorBody.parse(call.body).error.code, call.status);
}

/** The first cells of a table's rows, by its heading. */
function rowsOf(heading: string): string[] {
  const start = PAGE.indexOf(`| ${heading}`);
  assert.ok(start >= 0, heading);
  const [table = ''] = PAGE.slice(start).split('\n\n', 1);
  return table.split('\n').slice(2);
}

const namesIn = (cells: readonly string[]) =>
  cells.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );

describe('docs/api.md', () => {
  it('shows what the API answers, and calls all of it but what is the agent’s', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server') || !requireProgram(t, 'curl')) return;
    const folder = temporaryFolder(t);
    const policy = path.join(folder, 'policy.json');
    writeFileSync(policy, JSON.stringify({ administrators: [FIRST_USER] }));
    const { emulator } = await startBackend(t, {}, { POLICY_FILE: policy });
    const { urls, credentials } = emulator.ready;
    const env = { API: urls.api, TOKEN: (await signIn(credentials)).id_token };
    const blocks = blocksOf(PAGE);
    const ran = await runBlocks(blocks, folder, env);
    const answered = new Set<string>();
    for (const [index, { printed, calls }] of ran.entries()) {
      const { script, shown } = blocks[index] ?? assert.fail();
      for (const call of calls) {
        checkAnswer(call);
        if (call.status === 200) answered.add(endpointOf(call).operationId);
      }
      const isError = typeof shown === 'object' && shown !== null && 'error' in shown;
      const refused = calls.filter(({ status }) => status !== 200);
      assert.equal(refused.length, isError ? 1 : 0, script);
      if (shown !== undefined)
        assert.deepEqual(differences(shown, JSON.parse(printed)), [], script);
    }
    const users = ENDPOINTS.filter(({ caller }) => caller !== 'agent');
    assert.deepEqual([...answered].sort(), users.map(({ operationId }) => operationId).sort());
  });

  it('names the calls of the agent, and shows no curl for them', () => {
    for (const { path: at, caller } of ENDPOINTS) {
      if (caller !== 'agent') continue;
      const [, verb = ''] = at.split('{id}');
      assert.ok(PAGE.includes(`\`${verb}\``) || PAGE.includes(`${at}\``), at);
      assert.ok(!blocksOf(PAGE).some(({ script }) => script.includes(verb)), at);
    }
  });

  it('has every error with its status, every state, and every field of a new session', () => {
    const errors = rowsOf('`status`').map((row) =>
      row.split('|').slice(1, 3).join(' ').replace(/ +/g, ' ').trim(),
    );
    assert.deepEqual(
      errors,
      ERROR_CODES.map((code) => `\`${code}\` ${HTTP_STATUS[code]}`),
    );
    assert.deepEqual(namesIn(rowsOf('State ')).sort(), [...SESSION_STATES].sort());
    const fields = namesIn(rowsOf('Field of `POST /v1/sessions`'));
    assert.deepEqual(fields.sort(), Object.keys(createSessionRequest.shape).sort());
  });
});

describe('what the page shows', () => {
  it('is compared field by field, with … for anything', () => {
    assert.deepEqual(differences({ a: 'x…', b: [1] }, { a: 'xyz', b: [1], c: 2 }), []);
    assert.deepEqual(differences({ a: 'x…' }, { a: 'y' }), ['the answer.a: "y", not "x…"']);
    assert.deepEqual(differences({ a: 1 }, {}), ['the answer.a: undefined, not 1']);
    assert.deepEqual(differences([1, 2], [1]), ['the answer: not as long']);
  });
});
