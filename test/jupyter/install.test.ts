import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { InstallOptions } from '../../client/jupyter/install.ts';
import { installMissing } from '../../client/jupyter/install.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { systemClock } from '../../client/clock.ts';
import { until } from '../helpers/until.ts';
import type { DebianOptions, StandInDebian } from './stand-in-debian.ts';
import { BOOKWORM, TRIXIE, makeDebian } from './stand-in-debian.ts';

const GATEWAY = 'jupyter-server python3-ipykernel python3-matplotlib python3-pandas';
const LOCK = '-o DPkg::Lock::Timeout=120';
const UPDATE = `noninteractive apt-get update ${LOCK}`;
const INSTALL = `noninteractive apt-get install --no-install-recommends --yes ${LOCK}`;

function debian(t: TestContext, options: DebianOptions = {}): StandInDebian {
  return makeDebian(temporaryFolder(t), options);
}

function install(machine: StandInDebian, changes: Partial<InstallOptions> = {}) {
  return installMissing({
    ...{ need: 'gatewayAndUi', isRoot: true, clock: systemClock, onProgress: () => undefined },
    ...machine,
    ...changes,
  });
}

describe('installing what is missing of Jupyter', () => {
  it('takes JupyterLab where the release has it', async (t) => {
    const machine = debian(t, { release: TRIXIE });
    const programs = await install(machine);
    assert.deepEqual(machine.calls(), [`${INSTALL} ${GATEWAY} jupyterlab`]);
    assert.equal(programs.ui?.kind, 'lab');
    assert.equal(programs.server?.version, '2.15.0');
  });

  it('takes the classic notebook elsewhere', async (t) => {
    const machine = debian(t, { release: BOOKWORM });
    const programs = await install(machine);
    assert.deepEqual(machine.calls(), [`${INSTALL} ${GATEWAY} jupyter-notebook`]);
    assert.equal(programs.ui?.kind, 'notebook');
  });

  it('takes no UI when only the gateway is needed', async (t) => {
    const machine = debian(t);
    await install(machine, { need: 'gateway' });
    assert.deepEqual(machine.calls(), [`${INSTALL} ${GATEWAY}`]);
  });

  it('takes curl, which the startup script needs, when it is not there', async (t) => {
    const machine = debian(t, { hasCurl: false });
    await install(machine, { need: 'gateway' });
    assert.deepEqual(machine.calls(), [`${INSTALL} ${GATEWAY} curl`]);
  });

  it('does nothing when all is there, and takes only what is not', async (t) => {
    const machine = debian(t);
    for (const name of [...BOOKWORM].filter((name) => name !== 'python3-pandas')) {
      machine.install(name);
    }
    await install(machine);
    assert.deepEqual(machine.calls(), [`${INSTALL} python3-pandas`]);
    await install(machine);
    assert.equal(machine.calls().length, 1);
  });

  it('asks for the package lists first when there are none', async (t) => {
    const machine = debian(t, { listed: [], release: BOOKWORM });
    await install(machine);
    assert.deepEqual(machine.calls(), [UPDATE, `${INSTALL} ${GATEWAY} jupyter-notebook`]);
  });

  it('asks for new package lists and tries again when the old ones are out of date', async (t) => {
    const machine = debian(t, {
      onInstall: 'touch "$0.once"; [[ -e $0.twice ]] || { touch "$0.twice"; echo 404; exit 100; }',
    });
    await install(machine);
    const command = `${INSTALL} ${GATEWAY} jupyterlab`;
    assert.deepEqual(machine.calls(), [command, UPDATE, command]);
  });

  it('ends the search on Ctrl-C, and takes nothing for missing that did not answer', async (t) => {
    const machine = debian(t);
    const own = temporaryFolder(t);
    const asked = path.join(own, 'asked');
    const program = `#!/bin/bash\ntouch ${asked}\nexec sleep 60\n`;
    writeFileSync(path.join(own, 'jupyter-lab'), program, { mode: 0o755 });
    const interrupt = new AbortController();
    const environment = {
      ...machine.environment,
      PATH: `${own}:${machine.environment['PATH'] ?? ''}`,
    };
    const installing = install(machine, { environment, signal: interrupt.signal });
    installing.catch(() => undefined);
    await until('JupyterLab is asked', () => existsSync(asked));
    interrupt.abort();
    await assert.rejects(installing, { name: 'AbortError' });
    assert.deepEqual(machine.calls(), []);
  });

  it('goes through sudo when that asks for no password', async (t) => {
    const machine = debian(t, { sudo: 'passwordless', listed: [] });
    await install(machine, { isRoot: false });
    assert.deepEqual(machine.calls(), [`sudo ${UPDATE}`, `sudo ${INSTALL} ${GATEWAY} jupyterlab`]);
  });

  it('tells what apt-get says as it says it', async (t) => {
    const machine = debian(t, { onInstall: `echo 'Unpacking one'; sleep 0.7` });
    const lines: string[] = [];
    await install(machine, { onProgress: (line) => lines.push(line) });
    assert.deepEqual(lines.slice(0, 1), ['Unpacking one']);
  });
});

describe('when Jupyter cannot be installed', () => {
  it('the exact command is named to a user who may not', async (t) => {
    for (const sudo of ['asks', 'none'] as const) {
      const machine = debian(t, { sudo, release: BOOKWORM });
      await assert.rejects(install(machine, { isRoot: false }), (error: Error) => {
        assert.equal(error.name, 'InstallError');
        const command = `sudo apt-get update && sudo apt-get install --no-install-recommends ${GATEWAY} jupyter-notebook`;
        assert.ok(error.message.endsWith(command), error.message);
        return true;
      });
      assert.deepEqual(machine.calls(), []);
    }
  });

  it('what is needed is named where there is no apt-get', async (t) => {
    const machine = debian(t, { hasApt: false });
    await assert.rejects(install(machine), /JupyterLab .*no apt-get/);
    await assert.rejects(
      install(machine, { need: 'gateway' }),
      /^(?!.*JupyterLab).*jupyter-server/,
    );
  });

  it('apt-get’s last words and the command are shown', async (t) => {
    const machine = debian(t, {
      onInstall: `echo 'E: You do not have enough free space'; exit 100`,
    });
    await assert.rejects(
      install(machine),
      /enough free space\n.*\n {2}sudo apt-get update && sudo apt-get install .* jupyterlab$/,
    );
  });

  it('a release without the packages is said to be one', async (t) => {
    const machine = debian(t, { release: ['python3-pandas'] });
    await assert.rejects(install(machine), /This release has no such packages/);
    assert.deepEqual(machine.calls(), [UPDATE]);
  });

  it('packages that bring nothing that runs are not installed again and again', async (t) => {
    const machine = debian(t, { onInstall: 'exit 0' });
    await assert.rejects(install(machine), /jupyter-server --version/);
    assert.equal(machine.calls().length, 1);
  });
});

describe('an installation that is cancelled', () => {
  it('is begun no more when that came first', async (t) => {
    const machine = debian(t);
    const signal = AbortSignal.abort(new Error('interrupted'));
    await assert.rejects(install(machine, { signal }), /interrupted/);
    assert.deepEqual(machine.calls(), []);
  });

  for (const isRoot of [true, false]) {
    it(`lets apt-get end what it has begun, ${isRoot ? 'as root' : 'through sudo'}`, async (t) => {
      const folder = temporaryFolder(t);
      const [begun, finished] = [path.join(folder, 'begun'), path.join(folder, 'finished')];
      const machine = debian(t, {
        sudo: 'passwordless',
        // As dpkg: finishes its package after the signal.
        onInstall: `trap 'sleep 0.5; touch ${finished}; exit 100' INT\ntouch ${begun}; while :; do sleep 0.1; done`,
      });
      const abort = new AbortController();
      const lines: string[] = [];
      const installed = install(machine, {
        isRoot,
        signal: abort.signal,
        onProgress: (line) => lines.push(line),
      });
      await Promise.all([
        assert.rejects(installed, /interrupted/),
        until('apt-get is at work', () => existsSync(begun)).then(() => {
          abort.abort(new Error('interrupted'));
        }),
      ]);
      assert.ok(existsSync(finished));
      assert.ok(lines.includes('waiting for apt-get to finish what it has begun'));
      assert.equal(machine.calls().length, 1);
    });
  }
});
