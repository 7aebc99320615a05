import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { findJupyter, hasAll } from '../../client/jupyter/jupyter-programs.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { writeProgram, writeScript } from './stand-in-debian.ts';

/** A folder of the user's own, first on PATH, and one that stands for /usr/bin. */
function folders(t: TestContext): {
  own: string;
  system: string;
  find: () => ReturnType<typeof findJupyter>;
} {
  const root = temporaryFolder(t);
  const [own, system] = [path.join(root, 'own'), path.join(root, 'system')];
  mkdirSync(own);
  mkdirSync(system);
  return { own, system, find: () => findJupyter({ PATH: own }, system) };
}

describe('what is found of Jupyter', () => {
  it('is nothing on a bare machine', async (t) => {
    const found = await folders(t).find();
    assert.deepEqual(found, { server: undefined, ui: undefined, hasCurl: false, modules: [] });
    assert.equal(hasAll(found, 'gateway'), false);
  });

  it('is Debian’s server and its Python’s modules, whatever stands first on PATH', async (t) => {
    const { own, system, find } = folders(t);
    writeProgram(own, 'jupyter-server', '2.0.0');
    writeScript(path.join(own, 'python3'), 'echo');
    writeProgram(system, 'jupyter-server', '1.23.3');
    writeProgram(system, 'curl', '8.14.1');
    writeScript(path.join(system, 'python3'), 'echo pandas ipykernel matplotlib');
    const found = await find();
    assert.deepEqual(found.server, {
      path: path.join(system, 'jupyter-server'),
      version: '1.23.3',
    });
    assert.deepEqual(found.modules, ['ipykernel', 'matplotlib', 'pandas']);
    assert.ok(hasAll(found, 'gateway'));
    assert.ok(!hasAll(found, 'gatewayAndUi'));
  });

  it('is the user’s own server where Debian’s is not, with the Python that it names', async (t) => {
    const { own, find } = folders(t);
    const python = path.join(own, 'python3.12');
    writeScript(python, 'if [[ $1 == -I ]]; then echo ipykernel; else echo 2.15.0; fi');
    writeScript(path.join(own, 'jupyter-server'), `'''exec' "${python}" "$0" "$@"\n' '''`);
    const found = await find();
    assert.equal(found.server?.version, '2.15.0');
    assert.deepEqual(found.modules, ['ipykernel']);
  });

  it('is no stand-in of pyenv that has nothing behind it', async (t) => {
    const { own, system, find } = folders(t);
    for (const name of ['jupyter-server', 'jupyter-lab', 'jupyter-notebook']) {
      writeScript(path.join(own, name), `echo "pyenv: ${name}: command not found" >&2; exit 127`);
    }
    writeProgram(system, 'jupyter-notebook', '6.4.12');
    const found = await find();
    assert.equal(found.server, undefined);
    assert.deepEqual(found.ui?.path, path.join(system, 'jupyter-notebook'));
  });

  it('is JupyterLab before the notebook, and no notebook that is too old', async (t) => {
    const { own, system, find } = folders(t);
    writeProgram(own, 'jupyter-notebook', '6.0.3');
    assert.equal((await find()).ui, undefined);
    writeProgram(own, 'jupyter-notebook', '7.2.1');
    assert.deepEqual((await find()).ui, {
      kind: 'notebook',
      path: path.join(own, 'jupyter-notebook'),
      version: '7.2.1',
    });
    writeProgram(system, 'jupyter-lab', '4.0.11+ds1');
    assert.equal((await find()).ui?.kind, 'lab');
  });

  it('is the real one on this machine', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const found = await findJupyter(process.env);
    assert.equal(found.server?.path, '/usr/bin/jupyter-server');
    assert.match(found.server.version, /^\d+\.\d+/);
    assert.ok(found.modules.includes('ipykernel'));
  });
});
