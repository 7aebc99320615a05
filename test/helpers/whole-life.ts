// A session's whole life as a patient caller lives it, stage by stage, and what the world has to be afterwards, whatever
// failed once on the way. For the tests that let something fail.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { errorBody, session, type SessionView } from '../../functions/contract.ts';
import { PROJECT, request, signIn } from '../emulator/cloud-fixture.ts';
import type { Answer, Backend, Tooling } from './backend.ts';

interface StageSpec {
  name: string;
  ask: { method: string; verb: string };
  /** Where it ends. */
  state: string;
}

/** Every step of functions/record.ts; the first one also waits for the image, should that be missing. */
export const STAGES = [
  { name: 'create', ask: { method: 'POST', verb: '' }, state: 'READY' },
  { name: 'suspend', ask: { method: 'POST', verb: ':suspend' }, state: 'SUSPENDED' },
  { name: 'resume', ask: { method: 'POST', verb: ':start' }, state: 'READY' },
  { name: 'stop', ask: { method: 'POST', verb: ':stop' }, state: 'STOPPED' },
  { name: 'start', ask: { method: 'POST', verb: ':start' }, state: 'READY' },
  { name: 'delete', ask: { method: 'DELETE', verb: '' }, state: 'GONE' },
] as const satisfies readonly StageSpec[];
export type Stage = (typeof STAGES)[number]['name'];

/** What Compute Engine is asked for in such a life, in this order and once each. */
const OPERATIONS = ['insert', 'suspend', 'resume', 'stop', 'start', 'delete'];

export interface Life {
  name: string;
  /** @param id none before there is a session */
  before?: (stage: Stage, id: string | undefined) => Promise<void>;
}

/** @returns the session's id. @throws when it fails on its way, or does not arrive */
export async function live({ you }: Pick<Backend, 'you'>, life: Life): Promise<string> {
  let id: string | undefined;
  for (const { name, ask, state } of STAGES) {
    await life.before?.(name, id);
    if (id === undefined) id = (await create(you, life.name)).id;
    else await patiently(you, ask.method, `/v1/sessions/${id}${ask.verb}`);
    await reach(you, id, state);
  }
  return id ?? '';
}

export async function create(you: Tooling, name: string, wanted: object = {}) {
  const answer = await patiently(you, 'POST', '/v1/sessions', { name, ...wanted });
  return session.parse(answer.body);
}

export const LIMIT_SECONDS = 90;

/** Waits for a state as a client does. @throws when the session is FAILED on its way there */
export async function reach(
  you: Tooling,
  id: string,
  state: string,
): Promise<SessionView | 'GONE'> {
  const end = Date.now() + LIMIT_SECONDS * 1000;
  let revision = 0;
  for (;;) {
    const query = `?afterRevision=${revision}&waitSeconds=5`;
    const { status, body } = await patiently(you, 'GET', `/v1/sessions/${id}${query}`);
    if (status === 404) {
      assert.equal(state, 'GONE', `${id} is not there any more`);
      return 'GONE';
    }
    const view = session.parse(body);
    if (view.state === state) return view;
    assert.notEqual(view.state, 'FAILED', JSON.stringify(view));
    assert.ok(Date.now() < end, `not ${state} but ${JSON.stringify(view)}`);
    revision = view.revision;
  }
}

/** What the API itself says may be repeated. INTERNAL is not among it: that is a bug. */
const PASSING = ['ABORTED', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE'];
const PAUSE_MILLISECONDS = 150;

/** Repeats a call for as long as it may succeed later. @throws for any other refusal than 404 */
export async function patiently(
  you: Tooling,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const end = Date.now() + LIMIT_SECONDS * 1000;
  for (;;) {
    // The API's process may be gone just now.
    const answer = await you.call(method, path, { body }).catch(() => undefined);
    if (answer?.status === 200 || answer?.status === 404) return answer;
    const why = answer && errorBody.parse(answer.body).error;
    const mayPass = why === undefined || PASSING.includes(why.status);
    assert.ok(mayPass && Date.now() < end, `${method} ${path}: ${JSON.stringify(why)}`);
    await delay(PAUSE_MILLISECONDS);
  }
}

/** One instance was ever made, nothing was done to it twice, and nothing is left of it. */
export async function assertLived(backend: Backend, id: string): Promise<void> {
  const operations = await operationsOf(backend, id);
  const done = operations.map(({ operationType, error }) => (error ? 'error' : operationType));
  assert.deepEqual(done, OPERATIONS);
  assert.equal(new Set(operations.map(({ targetLink }) => targetLink)).size, 1);
  assert.deepEqual(await instancesOf(backend, id), []);
}

export interface Operation {
  operationType: string;
  targetLink: string;
  insertTime: string;
  error?: unknown;
}

interface OperationScope {
  operations?: Operation[];
}

/** Of all instances that this session has had, the first one first. */
export async function operationsOf({ emulator }: Backend, id: string): Promise<Operation[]> {
  const { access_token: token } = await signIn(emulator.ready.credentials);
  const url = `${emulator.ready.urls.compute}/projects/${PROJECT}/aggregated/operations`;
  const all: Operation[] = [];
  let pageToken = '';
  do {
    const { body } = await request('GET', `${url}?pageToken=${pageToken}`, undefined, token);
    const scopes = Object.values((body['items'] ?? {}) as Record<string, OperationScope>);
    all.push(...scopes.flatMap(({ operations = [] }) => operations));
    pageToken = typeof body['nextPageToken'] === 'string' ? body['nextPageToken'] : '';
  } while (pageToken !== '');
  return all
    .filter(({ targetLink }) => targetLink.includes(`/datalab-${id}-`))
    .sort((a, b) => Date.parse(a.insertTime) - Date.parse(b.insertTime));
}

export async function instancesOf(backend: Backend, id: string): Promise<string[]> {
  const { instances } = await backend.control('GET', '/instances');
  const names = (instances as { name: string }[]).map(({ name }) => name);
  return names.filter((name) => name.startsWith(`datalab-${id}-`));
}

export async function countBuilds({ emulator }: Backend): Promise<number> {
  const { access_token: token } = await signIn(emulator.ready.credentials);
  const url = `${emulator.ready.urls.registry}/v1/projects/${PROJECT}/builds`;
  const { body } = await request('GET', url, undefined, token);
  return ((body['builds'] ?? []) as unknown[]).length;
}
