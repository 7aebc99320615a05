// What is said of Docker engines: the one here, none, one elsewhere; and what follows for a container.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { lookForEngine } from '../../../client/docker/engine.ts';
import { readEngine, userArguments, type Engine } from '../../../client/docker/engine-info.ts';
import { removeLeftovers } from '../../../client/docker/leftovers.ts';
import { docker, requireEngine } from '../../docker/engine.ts';
import { requireProgram } from '../../helpers/requires.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { writeScript } from '../../jupyter/stand-in-debian.ts';

const PLAIN: Engine = {
  name: 'Docker 26.1.5',
  remoteHost: undefined,
  isVirtual: false,
  isRootless: false,
  isRemapped: false,
  hasSelinux: false,
};
const LOCAL = { url: 'unix:///var/run/docker.sock', platform: 'linux' };
const INFO = { ServerVersion: '26.1.5', OperatingSystem: 'Debian GNU/Linux 13 (trixie)' };
const PODMAN = {
  version: { Version: '5.4.2' },
  host: { security: { rootless: true, selinuxEnabled: true }, serviceIsRemote: false },
};

describe('an engine', () => {
  const security = (name: string) => ({ ...INFO, SecurityOptions: ['name=seccomp', name] });
  const desktop = { ...INFO, OperatingSystem: 'Docker Desktop' };
  for (const [what, info, endpoint, expected] of [
    ['on Linux', INFO, LOCAL, {}],
    ['without root', security('name=rootless'), LOCAL, { isRootless: true }],
    ['with users of its own', security('name=userns'), LOCAL, { isRemapped: true }],
    ['with SELinux', security('name=selinux'), LOCAL, { hasSelinux: true }],
    ['of Docker Desktop on Linux', desktop, LOCAL, { isVirtual: true }],
    ['on macOS', INFO, { ...LOCAL, platform: 'darwin' }, { isVirtual: true }],
    ['on a port of this machine', INFO, { ...LOCAL, url: 'tcp://127.0.0.1:2375' }, {}],
    ['elsewhere', INFO, { ...LOCAL, url: 'tcp://far.example:2376' }, { remoteHost: 'far.example' }],
    ['by ssh', INFO, { ...LOCAL, url: 'ssh://me@localhost' }, { remoteHost: 'localhost' }],
    ['that is Podman', PODMAN, LOCAL, { name: 'Podman 5.4.2', isRootless: true, hasSelinux: true }],
  ] as const) {
    it(`${what} is known as such`, () => {
      assert.deepEqual(readEngine(info, endpoint), { ...PLAIN, ...expected });
    });
  }

  it('is none when only the program has answered', () => {
    assert.equal(readEngine({ ...INFO, ServerVersion: '' }, LOCAL), undefined);
    assert.equal(readEngine(undefined, LOCAL), undefined);
  });

  const ann = { uid: 1000, gid: 100 };
  for (const [what, engine, person, platform, expected] of [
    ['themselves', {}, ann, 'linux', ['--user=1000:100']],
    [
      'root, who may open everything',
      {},
      { uid: 0, gid: 0 },
      'linux',
      ['--user=0:0', '--cap-add=DAC_OVERRIDE'],
    ],
    [
      'themselves in all of their groups',
      {},
      { ...ann, groups: [100, 27, 2001] },
      'linux',
      ['--user=1000:100', '--group-add=27', '--group-add=2001'],
    ],
    ['root of a rootless engine', { isRootless: true }, ann, 'linux', ['--user=0:0']],
    [
      'themselves in spite of remapping',
      { isRemapped: true },
      ann,
      'linux',
      ['--user=1000:100', '--userns=host'],
    ],
    ['root of Docker Desktop on Linux', { isVirtual: true }, ann, 'linux', ['--user=0:0']],
    ['the image’s user on macOS', { isVirtual: true }, { uid: 501, gid: 20 }, 'darwin', []],
    [
      'the image’s user on Windows',
      { isVirtual: true },
      { uid: undefined, gid: undefined },
      'win32',
      [],
    ],
  ] as const) {
    it(`runs a person’s container as ${what}`, () => {
      assert.deepEqual(userArguments({ ...PLAIN, ...engine }, person, platform), expected);
    });
  }
});

describe('looking for an engine', () => {
  it('says that the program is missing', async (t) => {
    const look = await lookForEngine({ environment: { PATH: temporaryFolder(t) } });
    assert.deepEqual(look, { problem: 'there is no program `docker` on PATH' });
  });

  it('says that none runs, and how to start it', async (t) => {
    if (!requireProgram(t, 'docker')) return;
    const environment = { ...process.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
    const look = await lookForEngine({ environment });
    assert.ok('problem' in look);
    assert.match(look.problem, /it does not run \(systemctl start docker/);
  });

  it('refuses one that has not this machine’s folders', async (t) => {
    const bin = temporaryFolder(t);
    const info = JSON.stringify(INFO);
    const program = `case $1 in info) echo '${info}' ;; *) echo ssh://me@far.example ;; esac`;
    writeScript(path.join(bin, 'docker'), program);
    const look = await lookForEngine({ environment: { PATH: `${bin}:/usr/bin:/bin` } });
    assert.ok('problem' in look);
    assert.match(look.problem, /it runs on far\.example, which has not this machine's folders/);
  });
});

describe('containers of clients that are gone', () => {
  it('are removed, and those of others are not', async (t) => {
    if (!requireEngine(t)) return;
    const run = async (client: string) => {
      const label = `--label=datalab.ui.client=${client}`;
      const id = await docker('run', '--detach', label, 'debian:trixie-slim', 'sleep', '600');
      t.after(() => docker('rm', '--force', id).catch(() => undefined));
      return id;
    };
    // Numbers of processes end below 2^22.
    const gone = await run(`${hostname()}/4194999`);
    const kept = [await run(`${hostname()}/${process.pid}`), await run('elsewhere/4194999')];
    await removeLeftovers({ environment: process.env });
    const left = (await docker('ps', '--quiet', '--no-trunc')).split('\n');
    assert.ok(!left.includes(gone));
    for (const id of kept) assert.ok(left.includes(id));
  });
});
