// The main job, as a script does it: one cell through client, relay, tunnel, agent and gateway of an emulated instance.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { processesOf, runClient, untilNoProcess } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const START = ['start', '--emulator', '--json'];
const WHERE = `
import os, urllib.request
url = f"http://{os.environ['GCE_METADATA_HOST']}/computeMetadata/v1/instance/name"
print(urllib.request.urlopen(urllib.request.Request(url, headers={'Metadata-Flavor': 'Google'})).read().decode())
`;

describe('datalab-client start --emulator', { concurrency: true }, () => {
  it('runs a cell on the instance, ends with Ctrl-C, and finds session and files again', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const stateDir = temporaryFolder(t);
    const content = temporaryFolder(t);
    const first = runClient(t, stateDir, [...START, '--ui', 'none', content]);
    const ready = await first.ready();
    assert.equal(ready.ui, null);
    assert.equal(ready.session.state, 'READY');
    assert.match(ready.session.instance?.internalIp ?? '', /^127\./);
    const kernel = await newKernel(ready.gateway);
    assert.equal((await run(ready.gateway, kernel, '6*7')).trim(), '42');
    assert.equal((await run(ready.gateway, kernel, WHERE)).trim(), ready.session.instance?.name);
    await run(ready.gateway, kernel, "open('kept', 'w').write('still here')");
    first.signal('SIGINT');
    assert.equal(await first.ended, 0);
    assert.deepEqual(processesOf(stateDir), [], 'Ctrl-C left processes behind');

    const second = runClient(t, stateDir, [...START, '--ui', 'none', content]);
    const again = await second.ready();
    assert.equal(again.session.id, ready.session.id);
    assert.equal(again.session.instance?.name, ready.session.instance?.name);
    const other = await newKernel(again.gateway);
    assert.equal(
      (await run(again.gateway, other, "print(open('kept').read())")).trim(),
      'still here',
    );
    second.signal('SIGTERM');
    assert.equal(await second.ended, 0);
    await untilNoProcess(stateDir);
  });

  it('runs the same cell through the URL of the pages', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const stateDir = temporaryFolder(t);
    const client = runClient(t, stateDir, [...START, '--ui', 'process', temporaryFolder(t)]);
    const { ui, session } = await client.ready();
    assert.ok(ui);
    const url = new URL(ui.url);
    const gateway = { url: url.origin, token: url.searchParams.get('token') ?? '' };
    const kernel = await newKernel(gateway);
    assert.equal((await run(gateway, kernel, '6*7')).trim(), '42');
    assert.equal((await run(gateway, kernel, WHERE)).trim(), session.instance?.name);
    const door = await fetch(ui.url, { redirect: 'manual' });
    const cookie = door.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const page = await fetch(new URL(door.headers.get('location') ?? '', url), {
      headers: { cookie },
    });
    assert.equal(page.status, 200);
    assert.match(await page.text(), /jupyter/i);
    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    await untilNoProcess(stateDir);
  });
});
