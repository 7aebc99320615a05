// `start --local` as a user has it: the real program and engine, the real images, no backend anywhere.
import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { SessionView } from '../../functions/contract.ts';
import { lastFirst } from '../browser/last-first.ts';
import type { RunningClient } from '../helpers/client.ts';
import { kernelsOf, newKernel, run, type Gateway } from '../helpers/jupyter-front-end.ts';
import { until } from '../helpers/until.ts';
import { MAY_BUILD, requireEngine } from './engine.ts';
import { killMain, leftOf, localUser, PERSON } from './local-place.ts';
import { plainImage } from './plain-image.ts';

const READY_SECONDS = 300;

/** As a notebook page makes one: it begins in the notebook's folder. */
async function notebookKernel({ url, token }: Gateway, notebook: string): Promise<string> {
  const reply = await fetch(`${url}/api/sessions`, {
    method: 'POST',
    headers: { authorization: `token ${token}` },
    body: JSON.stringify({
      ...{ path: notebook, name: notebook, type: 'notebook' },
      kernel: { name: 'python3' },
    }),
  });
  const { kernel } = (await reply.json()) as { kernel: { id: string } };
  return kernel.id;
}

async function end(client: RunningClient): Promise<void> {
  client.signal('SIGINT');
  assert.equal(await client.ended, 0);
}

describe('start --local', MAY_BUILD, () => {
  it('runs kernels beside the notebooks, as the user, with the user’s gcloud to read', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const user = await localUser(lastFirst(t), docker);
    const client = user.start();
    const { gateway, session } = await client.ready(READY_SECONDS);
    const kernel = await notebookKernel(gateway, 'a.ipynb');
    const say = async (code: string) => (await run(gateway, kernel, code)).trim();

    const place = user.placeOf(session.name);
    const id = await docker('inspect', '--format', '{{.Id}}', place.gateway);
    const host = await say('import socket; print(socket.gethostname())');
    assert.equal(host, id.slice(0, 12), 'the kernel is not in the gateway’s container');
    assert.equal(await say("print(open('data.txt').read())"), 'forty-one');
    await say("open('made.txt', 'w').write('by a kernel'); import os; os.mkdir('plots')");
    const made = path.join(user.content, 'made.txt');
    assert.equal(readFileSync(made, 'utf8'), 'by a kernel');
    assert.equal(statSync(made).uid, PERSON.uid);
    assert.equal(
      await say('import getpass; print(os.getuid(), os.path.expanduser("~"))'),
      '4711 /work',
    );

    const credentials = "os.environ['CLOUDSDK_CONFIG'] + '/application_default_credentials.json'";
    assert.equal(await say(`print(open(${credentials}).read())`), '{"their": "own"}');
    const write = `
try:
    open(${credentials}, 'a')
except OSError as error:
    print(error.strerror)`;
    assert.equal(await say(write), 'Read-only file system');
    const secrets = "print(os.path.exists('/run/datalab'), 'token' in str(os.environ).lower())";
    assert.equal(await say(secrets), 'False False');
    await end(client);
  });

  it('keeps kernels when the client is killed, and when the agent is', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const user = await localUser(lastFirst(t), docker);
    const first = user.start();
    const before = await first.ready(READY_SECONDS);
    const place = user.placeOf(before.session.name);
    const kernel = await notebookKernel(before.gateway, 'a.ipynb');
    await run(before.gateway, kernel, 'x = 41');
    first.signal('SIGKILL');
    await first.ended;

    const second = user.start();
    const { gateway } = await second.ready();
    assert.deepEqual(await kernelsOf(gateway), [kernel]);
    assert.equal((await run(gateway, kernel, 'x + 1')).trim(), '42');

    // Another port on this machine: the client finds it.
    const portOf = () => docker('port', place.agent, '8888/tcp');
    const port = await portOf();
    await killMain(docker, place.agent);
    await until('the agent is there again', async () => {
      const now = await portOf().catch(() => '');
      return now !== '' && now !== port;
    });
    assert.equal((await run(gateway, kernel, 'x + 2')).trim(), '43');
    await end(second);
  });

  it('says what has become of kernels when the gateway is killed, and goes on with new ones', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const user = await localUser(lastFirst(t), docker);
    const client = user.start();
    const { gateway, session } = await client.ready(READY_SECONDS);
    const kernel = await notebookKernel(gateway, 'a.ipynb');
    await run(gateway, kernel, 'x = 41');
    await killMain(docker, user.placeOf(session.name).gateway);
    await until('the kernel is known to be gone', async () => {
      const kernels = await kernelsOf(gateway).catch(() => [kernel]);
      return !kernels.includes(kernel);
    });
    const next = await until('a new kernel', () => newKernel(gateway).catch(() => undefined), 60);
    assert.equal((await run(gateway, next, '40 + 2')).trim(), '42');
    await end(client);
  });

  it('is listed, stopped, started and deleted like any session, and leaves nothing', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const user = await localUser(lastFirst(t), docker);
    const client = user.start(['--name', 'train', '--idle-timeout', '2h']);
    const { gateway } = await client.ready(READY_SECONDS);
    await newKernel(gateway);
    await end(client);

    const [listed] = (await user.ask(['list'])) as unknown as SessionView[];
    assert.ok(listed);
    const { name, state, kernels, idleTimeoutSeconds } = listed;
    assert.deepEqual([name, state, idleTimeoutSeconds], ['train', 'READY', 7200]);
    assert.equal(kernels.length, 1);
    for (const source of ['gateway', 'agent']) {
      const lines = await user.ask(['logs', source, '--name', 'train']);
      assert.ok(lines.length > 0, source);
    }
    const stopped = (await user.ask(['stop', '--name', 'train'])).at(-1);
    assert.equal((stopped?.['session'] as SessionView).state, 'STOPPED');
    const states = await docker(
      'inspect',
      '--format',
      '{{.State.Status}}',
      listed.instance?.name ?? '',
    );
    assert.equal(states, 'exited');

    const again = user.start(['--name', 'train']);
    const ready = await again.ready();
    assert.deepEqual(await kernelsOf(ready.gateway), []);
    assert.equal(ready.session.idleTimeoutSeconds, 0, 'what was asked for before it was stopped');
    await end(again);
    const place = user.placeOf('train');
    await user.ask(['delete', '--yes', '--name', 'train']);
    assert.deepEqual(await leftOf(place), []);
    assert.ok(!existsSync(place.folder));
    assert.equal(readFileSync(path.join(user.content, 'data.txt'), 'utf8'), 'forty-one');
    assert.deepEqual(await user.ask(['list']), []);
  });

  it('is one for all who begin it at once, and is found by the next when its agent is gone', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const user = await localUser(lastFirst(t), docker);
    // As long as a name may be.
    const named = ['--name', 'n'.repeat(40)];
    const clients = [user.start(named), user.connect(named), user.connect(named)];
    const ready = await Promise.all(clients.map((client) => client.ready(READY_SECONDS)));
    const [first, second] = ready.map(({ gateway }) => gateway) as [Gateway, Gateway];
    const kernel = await newKernel(first);
    await run(first, kernel, 'x = 41');
    assert.equal((await run(second, kernel, 'x + 1')).trim(), '42');
    const place = user.placeOf('n'.repeat(40));
    assert.deepEqual(
      (await leftOf(place)).sort(),
      [place.agent, place.gateway, place.network].sort(),
    );

    // The kernels are there all the time: nobody takes it for stopped, and nobody stops it unasked.
    await docker('rm', '--force', place.agent);
    const [seen] = (await user.ask(['list'])) as unknown as SessionView[];
    assert.equal(seen?.state, 'BOOTING');
    await assert.rejects(user.ask(['stop', ...named]), /what its kernels do is not known now/);
    const next = await user.connect(named).ready();
    assert.equal((await run(next.gateway, kernel, 'x + 2')).trim(), '43');
    // The clients from before, which have gone on, find it, too.
    const again = await until('the first', () =>
      run(first, kernel, 'x + 3').catch(() => undefined),
    );
    assert.equal(again.trim(), '44');
    for (const client of clients) await end(client);
  });

  it('says what is wrong: a gateway that does not come up, a folder that is another, a record that is broken', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const user = await localUser(lastFirst(t), docker);
    const failed = user.start(['--name', 'crash', '--image', 'debian:trixie-slim']);
    assert.equal(await failed.ended, 1);
    assert.match(failed.events.at(-1)?.message ?? '', /The container \S+-gateway has ended/);

    const client = user.start(['--name', 'moved']);
    const { gateway } = await client.ready(READY_SECONDS);
    await newKernel(gateway);
    await end(client);
    renameSync(user.content, `${user.content}-before`);
    mkdirSync(user.content);
    chownSync(user.content, PERSON.uid, PERSON.gid);
    const refused = user.start(['--name', 'moved']);
    assert.equal(await refused.ended, 1);
    assert.match(refused.events.at(-1)?.message ?? '', /see the folder that was at .* before/);

    writeFileSync(user.placeOf('crash').recordFile, '{');
    const listed = (await user.ask(['list'])) as unknown as SessionView[];
    assert.deepEqual(
      listed.map(({ name, state }) => [name, state]),
      [
        ['crash', 'FAILED'],
        ['moved', 'READY'],
      ],
    );
    for (const name of ['crash', 'moved']) await user.ask(['delete', '--yes', '--name', name]);
    assert.deepEqual(await leftOf(user.placeOf('moved')), []);
  });

  it('takes another image, and says what cannot be', async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const user = await localUser(lastFirst(t), docker);
    const image = await plainImage(docker);
    const client = user.start(['--name', 'plain', '--image', image]);
    const { gateway, session } = await client.ready(READY_SECONDS);
    assert.equal(session.image, image);
    assert.equal((await run(gateway, await newKernel(gateway), '6 * 7')).trim(), '42');
    await end(client);

    const refusal = async (args: string[], env: Record<string, string> = {}) => {
      const refused = user.start(args, env);
      assert.equal(await refused.ended, 1);
      return refused.events.at(-1)?.message ?? '';
    };
    const other = '127.0.0.1:1/nowhere/gateway:1';
    assert.match(
      await refusal(['--name', 'plain', '--image', other]),
      /datalab-client stop --local --name plain/,
    );
    assert.match(
      await refusal(['--name', 'none', '--image', other]),
      /is not on this machine and cannot be pulled/,
    );
    assert.match(
      await refusal(['--credentials', '/nowhere.json']),
      /--credentials: there is no file \/nowhere\.json/,
    );
    const names = (await user.ask(['list'])).map(({ name }) => name);
    assert.deepEqual(names, ['none', 'plain'], 'what was refused has been kept');
    assert.match(
      await refusal([], { DOCKER_HOST: 'unix:///nowhere.sock' }),
      /--local needs a Docker engine\. Docker: it does not run/,
    );
    const elsewhere = user.startIn(path.dirname(user.content), ['--name', 'plain']);
    assert.equal(await elsewhere.ended, 1);
    assert.match(
      elsewhere.events.at(-1)?.message ?? '',
      /Session plain of this machine is for .*notebooks/,
    );
  });
});
