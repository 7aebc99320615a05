// `start --emulator --ui container` as a user has it: the real program, emulator, engine and image.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { docker, requireEngine } from './engine.ts';
import { lastFirst } from '../browser/last-first.ts';
import { runClient, untilNoProcess } from '../helpers/client.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { containersWith } from './container-place.ts';

const NEEDED = ['/usr/bin/jupyter-server', '/usr/bin/python3'];

describe('start with a container', () => {
  it('shows the build, serves the pages, brings them back when they are killed, and leaves nothing at Ctrl-C', async (t) => {
    if (!requireEngine(t) || !NEEDED.every((program) => requireProgram(t, program))) return;
    const end = lastFirst(t);
    const [content, stateDir] = [temporaryFolder(end), temporaryFolder(end)];
    end.after(() => untilNoProcess(stateDir));
    let volume = '';
    end.after(async () => {
      await until('no container', async () => (await containersWith(content)).length === 0);
      if (volume !== '') await docker('volume', 'rm', volume);
    });
    writeFileSync(path.join(content, 'here.txt'), 'there');
    const args = ['start', content, '--emulator', '--ui', 'container', '--json', '--no-browser'];
    const client = runClient(end, stateDir, args);
    // The first time it takes as long as the image.
    await client.event('the build, or an image that is there', ({ stage, message }) => {
      return stage === 'Notebooks' && /the image, once|waiting for/.test(message ?? '');
    });
    const { ui, gateway } = await until('ready', () => client.ready().catch(() => undefined), 280);
    assert.ok(ui);
    const headers = { authorization: `token ${gateway.token}` };
    const statusOf = async (where: string) =>
      (await fetch(gateway.url + where, { headers }).catch(() => undefined))?.status;
    assert.equal(await statusOf('/lab'), 200);
    assert.equal(await statusOf('/api/contents/here.txt'), 200);

    const [killed = ''] = await containersWith(content);
    const mounts = '{{range .Mounts}}{{.Name}}{{end}}';
    volume = await docker('inspect', '--format', mounts, killed);
    await docker('kill', killed);
    const isSaid = () => client.stderr().includes('with status 137 and has been started again');
    await until('it is said', isSaid, 60);
    assert.equal(await statusOf('/api/contents/here.txt'), 200);
    assert.notDeepEqual(await containersWith(content), [killed]);
    const after = client.events.slice(client.events.findIndex(({ event }) => event === 'ready'));
    assert.ok(!after.some(({ event }) => event === 'stage'), 'a stage goes on after it was done');

    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    assert.deepEqual(await containersWith(content), []);
  });
});
