// A Jupyter that a test has started does not outlive the test, however that ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { findMarked } from './jupyter-gateway.ts';
import { freePort } from './real-gateway.ts';
import { requireProgram } from './requires.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

const HELPER = path.join(import.meta.dirname, 'own-jupyter.ts');
const MARK = 'DATALAB_TEST_OWN_JUPYTER';

describe('a Jupyter of a test', () => {
  it('ends when the process that has started it is killed', async (t) => {
    if (!requireProgram(t, 'jupyter-server')) return;
    const folder = temporaryFolder(t);
    const options = {
      ...{ program: 'jupyter-server', folder, port: await freePort() },
      gateway: { url: 'http://127.0.0.1:9', token: 'none' },
      environment: { [MARK]: folder },
    };
    const found = () => findMarked(`${MARK}=${folder}`);
    const imported = `import(${JSON.stringify(HELPER)})`;
    const script = `${imported}.then((helper) => helper.ownJupyter(${JSON.stringify(options)}).start())`;
    const starter = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    t.after(async () => {
      starter.kill('SIGKILL');
      for (const pid of await found()) process.kill(pid, 'SIGKILL');
    });
    await until('it runs', async () => {
      const [pid] = await found();
      const name = pid === undefined ? '' : await readFile(`/proc/${pid}/comm`, 'utf8');
      return name.startsWith('jupyter');
    });
    const ended = once(starter, 'exit');
    starter.kill('SIGKILL');
    await ended;
    await until('it is gone', async () => (await found()).length === 0, 5);
  });
});
