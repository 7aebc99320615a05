// Whose session it is, and how long that is believed: tokens that expire and sign-ins that end while somebody works, and two
// people on one emulator.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { ReadyEvent as EmulatorReady } from '../../emulator/attachment.ts';
import {
  runClient,
  untilNoProcess,
  type ClientEvent,
  type RunningClient,
} from '../helpers/client.ts';
import { newKernel, run, type Gateway } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const JUPYTER = '/usr/bin/jupyter-server';
const FIRST_USER = 'you@example.com';
/** Long enough to start with, short enough to wait for. */
const TOKEN_SECONDS = 4;

interface World {
  stateDir: string;
  emulator: RunningClient;
  control(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  start(...more: string[]): RunningClient;
}

async function startWorld(t: TestContext): Promise<World> {
  const stateDir = temporaryFolder(t);
  const emulator = runClient(t, stateDir, ['emulator', '--json']);
  const { urls } = (await emulator.ready()) as unknown as EmulatorReady;
  return {
    stateDir,
    emulator,
    control: async (method, path, body) => {
      const reply = await fetch(`${urls.control}${path}`, {
        method,
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      assert.ok(reply.ok, `${path}: ${reply.status}`);
      return (await reply.json()) as Record<string, unknown>;
    },
    start: (...more) => {
      const args = ['start', '--emulator', '--json', '--ui', 'none', ...more];
      return runClient(t, stateDir, [...args, temporaryFolder(t)]);
    },
  };
}

async function end({ stateDir, emulator }: World, ...clients: RunningClient[]): Promise<void> {
  for (const client of [...clients, emulator]) {
    client.signal('SIGINT');
    assert.equal(await client.ended, 0, client.stderr());
  }
  await untilNoProcess(stateDir);
}

/** While a connection is made again, the relay asks for patience. */
function untilRun(gateway: Gateway, kernel: string, code: string): Promise<string> {
  return until(`${code} runs`, async () => {
    const answer = await run(gateway, kernel, code).catch(() => '');
    return answer.trim() || undefined;
  });
}

/** Runs cell after cell: the first that needs another token hangs, and somebody is asked for it. */
function untilAsked(gateway: Gateway, kernel: string, isAsked: () => boolean): Promise<true> {
  let isRunning = false;
  return until('somebody is asked to sign in again', () => {
    if (isAsked()) return true;
    if (isRunning) return undefined;
    isRunning = true;
    const ended = () => (isRunning = false);
    run(gateway, kernel, 'x').then(ended, ended);
    return undefined;
  });
}

/** The line about session and connection, as a script gets it. */
function isState({ event }: ClientEvent): boolean {
  return event === 'session';
}

function asksToSignIn(event: ClientEvent): boolean {
  return event['signInCommand'] !== undefined;
}

/** How often somebody has asked for tokens since the calls were forgotten. */
async function tokenCalls(world: World): Promise<number> {
  const { calls } = (await world.control('GET', '/calls')) as { calls: { path: string }[] };
  return calls.filter(({ path }) => path === '/token').length;
}

/** A kernel that has an x, of a start whose tokens live for seconds. */
async function startWithShortTokens(t: TestContext) {
  const world = await startWorld(t);
  await world.control('POST', '/tokens', { seconds: TOKEN_SECONDS });
  const client = world.start();
  const { gateway } = await client.ready();
  const kernel = await newKernel(gateway);
  await untilRun(gateway, kernel, 'x = 41; x');
  return { world, client, gateway, kernel };
}

// Side by side: they wait for tokens to expire.
describe('while start runs', { concurrency: true }, () => {
  it('tokens expire, others are fetched, and cells go on in the same kernel', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const { world, client, gateway, kernel } = await startWithShortTokens(t);
    await world.control('DELETE', '/calls');
    await until('three tokens have been fetched for tunnels', async () => {
      assert.equal(await untilRun(gateway, kernel, 'x + 1'), '42');
      return (await tokenCalls(world)) >= 3;
    });
    assert.ok(!client.events.some(asksToSignIn), 'nobody was bothered');
    await end(world, client);
  });

  it('a sign-in that is revoked is said, waited for, and goes on when it is given again', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const { world, client, gateway, kernel } = await startWithShortTokens(t);
    const isAskedNow = () => {
      const last = client.events.findLast(isState);
      return last !== undefined && asksToSignIn(last);
    };

    await world.control('POST', `/users/${FIRST_USER}:revoke`);
    await untilAsked(gateway, kernel, isAskedNow);
    const command = client.events.find(asksToSignIn)?.['signInCommand'];
    assert.match(String(command), /^curl .*\/control\/users .*you@example\.com/);
    assert.match(client.stderr(), /invalid_grant/, 'and why');
    await world.control('POST', '/users', { email: FIRST_USER });
    await until('it is back', () => !isAskedNow());
    assert.equal(await untilRun(gateway, kernel, 'x + 1'), '42');
    assert.ok(!isAskedNow());

    await world.control('POST', `/users/${FIRST_USER}:revoke`);
    await untilAsked(gateway, kernel, isAskedNow);
    await end(world, client);
  });
});

describe('two people on one emulator', () => {
  it('have a session of the same name each, and see only their own', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const world = await startWorld(t);
    const people = ['ann@example.com', 'bob@example.com'];
    const clients = people.map((email) => world.start('--account', email));
    const ready = await Promise.all(clients.map((client) => client.ready()));
    for (const [index, { gateway }] of ready.entries()) {
      const kernel = await newKernel(gateway);
      assert.equal(await untilRun(gateway, kernel, `${index} + 40`), String(index + 40));
    }
    for (const [index, email] of people.entries()) {
      const list = runClient(t, world.stateDir, [
        ...['list', '--emulator', '--json', '--account', email],
      ]);
      assert.equal(await list.ended, 0, list.stderr());
      const ids = list.events.map((session) => session['id']);
      assert.deepEqual(ids, [ready[index]?.session.id], email);
    }
    const nobody = runClient(t, world.stateDir, ['list', '--emulator', '--json']);
    assert.equal(await nobody.ended, 0);
    assert.deepEqual(nobody.events, [], 'the first user has none');
    await end(world, ...clients);
  });
});
