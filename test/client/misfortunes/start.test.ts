// What bad luck gets `start` before it serves, in the cloud and on this machine, with the real program against one backend.
// once-ready.test.ts is about what comes later.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, type TestContext } from 'node:test';
import {
  describeMisfortunes,
  ON_A_TERMINAL,
  READY,
  said,
  start,
  type Misfortune,
} from '../../helpers/misfortunes.ts';
import { startQuickCloud } from '../../helpers/quick-cloud.ts';

const BOOT_TIMEOUT = 'BOOT_TIMEOUT_SECONDS';
const forAll = { after } as unknown as Pick<TestContext, 'after'>;
const cloud = await startQuickCloud(forAll, { [BOOT_TIMEOUT]: '2' });
const { backend, env } = cloud;
const INSERT = { service: 'compute', method: 'POST', path: '/instances$' };
const isRoot = process.getuid?.() === 0;

/** Made by `prepare` of the row that is run. */
let taken = 0;
let folder = '';

/** An operation that fails for good. */
function failing(code: string, says: RegExp[]): Misfortune {
  const name = code.toLowerCase().replaceAll('_', '-').slice(0, 20);
  return {
    title: `${code} of the insert`,
    args: start(name),
    env,
    prepare: () => backend.control('POST', '/faults', { ...INSERT, operationError: { code } }),
    says: [/Session [-\w]+ failed: /, ...says],
    saysNot: [ON_A_TERMINAL, /goes on without you/],
    after: async () => {
      assert.equal((await cloud.find(name))?.state, 'FAILED');
      await cloud.ask(name, 'DELETE');
    },
  };
}

const inTheCloud: Misfortune[] = [
  {
    title: 'the image’s build fails: its log’s last lines, and where the rest is',
    args: start('build'),
    env,
    prepare: async () => {
      const lines = ['Step 2/9 : RUN apt-get install jupyter', 'E: Unable to locate jupyter'];
      await backend.control('POST', '/builds/next', { step: 0, exitCode: 1, lines });
    },
    says: [/Image: failed/, /build of image .* ended with FAILURE/, /E: Unable to/, /All of it: /],
    after: async () => {
      await backend.you.ok('POST', '/v1/image:build');
      await cloud.ask('build', 'DELETE');
    },
  },
  failing('QUOTA_EXCEEDED', [/CPUS.*ask for more quota/]),
  failing('ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS', [/no room now/, /Zones with room/]),
  failing('INTERNAL_ERROR', [/Start the session again/]),
  {
    title: 'the gateway never answers: the instance is kept, and where to look',
    args: start('mute'),
    env,
    prepare: () => {
      cloud.muteBoots(true);
    },
    says: [
      /Gateway: BOOTING/,
      /agent did not register within 2 s.*which is kept/,
      /get-serial-port-output/,
    ],
    after: () => cloud.ask('mute', 'DELETE'),
  },
  {
    title: 'deleted by somebody else while it boots',
    args: start('gone-early'),
    env,
    during: async (client) => {
      await said(client, /Gateway: BOOTING/);
      await cloud.ask('gone-early', 'DELETE');
    },
    says: [/Session gone-early was deleted meanwhile/],
    saysNot: [/goes on without you/],
  },
  {
    title: 'Ctrl-C while it boots: what goes on, and how to end it',
    args: start('early'),
    env,
    during: async (client) => {
      await said(client, /Gateway: BOOTING/);
      client.signal('SIGINT');
    },
    exitCode: 130,
    says: [
      /Interrupted\.\nSession early is BOOTING and goes on without you\./,
      /After 30 min without activity it is suspended, kernels and variables kept/,
      /Go on with it: datalab-client start --name early /,
      /End it now: datalab-client stop --name early/,
    ],
    after: async () => {
      cloud.muteBoots(false);
      assert.equal((await cloud.find('early'))?.want, 'running');
      await cloud.ask('early', 'DELETE');
    },
  },
];

const onThisMachine: Misfortune[] = [
  {
    title: 'the port taken: before anything is asked for',
    prepare: async (_, t) => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      t.after(() => server.close());
      taken = (server.address() as { port: number }).port;
    },
    args: ({ content }) => ['start', '--name', 'no-port', '--port', String(taken), content],
    env,
    says: [/Port \d+ is taken by another program\. Choose another one with --port/],
    saysNot: [/Session/],
    after: async () => {
      assert.equal(await cloud.find('no-port'), undefined);
    },
  },
  ...['with spaces', 'été 研究'].map((name): Misfortune => ({
    title: `a CONTENT_DIR named ${name}`,
    prepare: ({ content }) => {
      mkdirSync(path.join(content, name));
    },
    args: ({ content }) => ['start', '--ui', 'none', '--name', 'odd', path.join(content, name)],
    env,
    during: async (client) => {
      await said(client, READY);
      client.signal('SIGINT');
    },
    exitCode: 0,
    says: [
      /Session odd goes on without you, and its kernels with it \(no kernels\)/,
      /After 30 min without activity it is suspended, kernels and variables kept, the next time at \d/,
      new RegExp(`Come back with: datalab-client start --name odd '.*/${name}'`),
    ],
  })),
  {
    title: 'a CONTENT_DIR that is a file',
    prepare: ({ content }) => {
      writeFileSync(path.join(content, 'file'), '');
    },
    args: ({ content }) => ['start', path.join(content, 'file')],
    env,
    says: [/CONTENT_DIR .*file is not a folder/],
    saysNot: [/Session/],
  },
  {
    title: 'a CONTENT_DIR that cannot be written',
    prepare: (_, t) => {
      folder = smallFolder(t, 'ro');
    },
    args: () => ['start', folder],
    env,
    says: [/CONTENT_DIR .* cannot be written by you, and notebooks are saved there/],
    saysNot: [/Session/],
  },
  ...(isRoot ? [fullDisk()] : []),
];

describeMisfortunes('in the cloud, before it is ready', inTheCloud);
describeMisfortunes('on this machine', onThisMachine);

/** Where only root can make a file system that is full. */
function fullDisk(): Misfortune {
  return {
    title: 'a full disk below the state folder',
    prepare: (_, t) => {
      folder = smallFolder(t, 'rw');
      assert.throws(() => {
        writeFileSync(path.join(folder, 'full'), Buffer.alloc(1_000_000));
      }, /ENOSPC/);
    },
    args: start('full'),
    env: () => ({ ...env, DATALAB_STATE_DIR: folder }),
    says: [/disk is full\. Check that our files in .* there is room \(DATALAB_STATE_DIR/],
    saysNot: [/bug/],
    after: async () => {
      assert.equal(await cloud.find('full'), undefined);
    },
  };
}

/** Root may write what others may not, unless the file system itself cannot be written. */
function smallFolder(t: TestContext, how: 'ro' | 'rw'): string {
  const made = mkdtempSync(path.join(tmpdir(), 'datalab-test-'));
  if (isRoot) execFileSync('mount', ['-t', 'tmpfs', '-o', `${how},size=64k`, 'tmpfs', made]);
  else execFileSync('chmod', ['0555', made]);
  t.after(() => {
    if (isRoot) execFileSync('umount', ['--lazy', made]);
    rmSync(made, { recursive: true, force: true });
  });
  return made;
}
