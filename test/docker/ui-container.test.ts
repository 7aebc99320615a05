// The notebook pages from the real image in the real engine, asked through a relay as front-ends ask.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { systemClock } from '../../client/clock.ts';
import { startUiContainer } from '../../client/docker/ui-container.ts';
import { keepUiServer } from '../../client/jupyter/kept-ui.ts';
import type { UiServer } from '../../client/jupyter/ui-answers.ts';
import type { Relay } from '../../client/relay/relay.ts';
import { docker } from './engine.ts';
import { ask } from '../helpers/ask.ts';
import { isMissing } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';
import { HEADERS, relayTo } from '../relay/scripted-agent.ts';
import { containerPlace, containersWith, startContainer } from './container-place.ts';

const SETTINGS = '/lab/api/settings/@jupyterlab/apputils-extension:themes';

function relayFor(t: TestContext, ui: UiServer): Promise<Relay> {
  return relayTo(t, {}, { ui });
}

async function get(relay: Relay, where: string): Promise<string> {
  const { status, text } = await ask(relay.port, where, { headers: HEADERS });
  assert.equal(status, 200, text);
  return text;
}

async function put(relay: Relay, where: string, body: object): Promise<void> {
  const options = { method: 'PUT', headers: HEADERS, body: JSON.stringify(body) };
  const { status, text } = await ask(relay.port, where, options);
  assert.ok(status >= 200 && status < 300, text);
}

const FILE = { type: 'file', format: 'text', content: 'as it was written' };

/** @returns what a command prints in a terminal of the pages */
async function inTerminal(relay: Relay, command: string, wanted: RegExp): Promise<string> {
  const made = await ask(relay.port, '/api/terminals', { method: 'POST', headers: HEADERS });
  const { name } = JSON.parse(made.text) as { name: string };
  const url = `${relay.origin.replace('http', 'ws')}/terminals/websocket/${name}`;
  const socket = new WebSocket(url, { headers: HEADERS });
  let output = '';
  socket.on(
    'message',
    (data: Buffer) => (output += (JSON.parse(data.toString()) as [string, string?])[1] ?? ''),
  );
  await once(socket, 'open');
  socket.send(JSON.stringify(['stdin', `${command}\r`]));
  await until(`the terminal shows ${String(wanted)}`, () => wanted.test(output));
  socket.terminate();
  return output;
}

describe('the container with the notebook pages', () => {
  it('serves the content directory on a socket that is the user’s alone', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    writeFileSync(path.join(place.contentDir, 'here.txt'), 'there');
    const server = await startContainer(place);
    assert.ok('socketPath' in server.address);
    const { socketPath } = server.address;
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
    assert.equal(statSync(path.dirname(socketPath)).mode & 0o777, 0o700);
    const relay = await relayFor(t, server);
    assert.match(relay.url, /\/lab\?token=/);
    assert.match(await get(relay, '/lab'), /<title>JupyterLab<\/title>/);
    assert.match(await get(relay, '/api/contents'), /here\.txt/);
    assert.match(await get(relay, '/lab'), /@jupyter-widgets\/jupyterlab-manager/);
    await put(relay, '/api/contents/new.txt', FILE);
    const file = path.join(place.contentDir, 'new.txt');
    assert.equal(readFileSync(file, 'utf8'), 'as it was written');
    assert.equal(statSync(file).uid, process.getuid?.());
    assert.match(readFileSync(server.logFile, 'utf8'), /Serving notebooks from local directory/);
  });

  it('may do nothing but that', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    const relay = await relayFor(t, await startContainer(place));
    const output = await inTerminal(
      relay,
      'cat /proc/self/status; touch /etc/x; ls /sys/class/net; echo done-$((40+2))',
      /done-42/,
    );
    // Root keeps one capability, to open what root may: DAC_OVERRIDE.
    const mask = process.getuid?.() === 0 ? '2' : '0';
    assert.match(output, new RegExp(`CapEff:\\s*0+${mask}\\s`));
    assert.match(output, /NoNewPrivs:\s*1\s/);
    assert.match(output, /Read-only file system/);
    assert.doesNotMatch(output, /eth0/);
  });

  it('is the user’s own also for one that is not root, and ends when their client is killed', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    if (process.getuid?.() !== 0) {
      isMissing(t, 'only root can run a client as somebody else');
      return;
    }
    // The group is that of the engine's socket.
    const person = { uid: 4711, gid: 0 };
    const home = path.dirname(place.contentDir);
    for (const folder of [home, place.contentDir, place.stateDir]) {
      chownSync(folder, person.uid, person.gid);
    }
    chmodSync(place.contentDir, 0o700);
    const { engine, image, contentDir, stateDir, volume, logFile } = place;
    const settings = { engine, image, contentDir, stateDir, volume, logFile, person };
    const parent = path.join(import.meta.dirname, 'ui-container-parent.ts');
    const child = spawn(process.execPath, [parent, JSON.stringify(settings)], {
      ...person,
      env: { ...process.env, HOME: home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = once(createInterface(child.stdout), 'line') as Promise<[string]>;
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the client ended with ${code}`);
    });
    ended.catch(() => undefined);
    const [line] = await Promise.race([said, ended]);
    const address = JSON.parse(line) as { socketPath: string };
    assert.equal(statSync(address.socketPath).uid, 4711);
    const relay = await relayTo(t, {}, { ui: { address, startPath: '/lab' } });
    await put(relay, '/api/contents/theirs.txt', FILE);
    assert.equal(statSync(path.join(place.contentDir, 'theirs.txt')).uid, 4711);
    assert.equal((await containersWith(place.contentDir)).length, 1);
    child.kill('SIGKILL');
    const isGone = async () => (await containersWith(place.contentDir)).length === 0;
    await until('no container is left', isGone, 15);
  });

  it('keeps JupyterLab’s settings for the next start, and leaves nothing else', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    const first = await startContainer(place);
    assert.ok('socketPath' in first.address);
    const raw = '{"theme": "JupyterLab Dark"}';
    await put(await relayFor(t, first), SETTINGS, { raw });
    await first.stop();
    assert.equal((await first.ended).code, 0);
    assert.deepEqual(await containersWith(place.contentDir), []);
    assert.ok(!existsSync(path.dirname(first.address.socketPath)));
    const again = await relayFor(t, await startContainer(place));
    assert.match(await get(again, SETTINGS), /JupyterLab Dark/);
  });

  it('ends in time although a program in a terminal will not', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    const server = await startContainer(place);
    const stubborn = `(trap '' HUP TERM; setsid bash -c 'while :; do sleep 1; done') & echo started-$((40+2))`;
    await inTerminal(await relayFor(t, server), stubborn, /started-42/);
    const begun = performance.now();
    await server.stop();
    assert.ok(performance.now() - begun < 15_000);
    assert.deepEqual(await containersWith(place.contentDir), []);
  });

  it('that ends at once says why, and leaves nothing', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    const broken = { ...place, contentDir: path.join(place.contentDir, 'not-there') };
    await assert.rejects(
      startUiContainer(broken),
      /container\) ended with 125.*--ui none[^]*not-there/,
    );
    assert.deepEqual(await containersWith(broken.contentDir), []);
  });

  it('that is cancelled while it starts is not there afterwards', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    const abort = new AbortController();
    const starting = startUiContainer({ ...place, signal: abort.signal });
    const begun = until('there is one', async () => {
      return (await containersWith(place.contentDir)).length > 0;
    });
    await Promise.all([
      assert.rejects(starting, /interrupted/),
      begun.then(() => {
        abort.abort(new Error('interrupted'));
      }),
    ]);
    assert.deepEqual(await containersWith(place.contentDir), []);
  });
});

describe('where sockets cannot be mounted', () => {
  it('the container listens on a port of this machine, and answers only who has its token', async (t) => {
    const place = await containerPlace(t);
    if (!place) return;
    const server = await startContainer({ ...place, way: 'port' });
    assert.ok('port' in server.address);
    const { port, token } = server.address;
    assert.equal((await ask(port, '/api/contents')).status, 403);
    const wrong = { headers: { authorization: 'token t' } };
    assert.equal((await ask(port, '/api/contents', wrong)).status, 403);
    const relay = await relayFor(t, server);
    await put(relay, '/api/contents/new.txt', FILE);
    assert.match(await get(relay, '/api/contents'), /new\.txt/);
    await inTerminal(relay, 'echo shown-$((40+2))', /shown-42/);
    const [id = ''] = await containersWith(place.contentDir);
    const about = await docker('inspect', id);
    assert.ok(!about.includes(token), 'the token is in what the engine tells of the container');
    assert.ok(!readFileSync(server.logFile, 'utf8').includes(token), 'the token is in the log');
    const published = JSON.parse(about) as { NetworkSettings: { Ports: object } }[];
    assert.deepEqual(published[0]?.NetworkSettings.Ports, {
      '8888/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }],
    });
  });
});

describe('a notebook container whose main process is killed', () => {
  for (const way of ['socket', 'port'] as const) {
    it(`is followed by another one behind the same relay, by ${way}`, async (t) => {
      const place = await containerPlace(t);
      if (!place) return;
      const codes: number[] = [];
      const kept = await keepUiServer(
        {
          start: (signal) => startUiContainer({ ...place, way, signal }),
          ...{ clock: systemClock, elapsed: () => performance.now() },
          onRestart: ({ code }) => codes.push(code),
        },
        new AbortController().signal,
      );
      place.end.after(() => kept.stop());
      const relay = await relayFor(t, kept);
      const [id = ''] = await containersWith(place.contentDir);
      await docker('kill', id);
      await until('it was started again', () => codes.length > 0);
      assert.deepEqual(codes, [137]);
      assert.match(await get(relay, '/lab'), /JupyterLab/);
      await kept.stop();
      assert.deepEqual(await containersWith(place.contentDir), []);
    });
  }
});
