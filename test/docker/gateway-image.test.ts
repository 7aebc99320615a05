// The gateway image on a real engine: what it says of itself, and what a kernel in it can do.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { MAY_BUILD, requireEngine } from './engine.ts';
import { gatewayImage, startGateway, TOKEN, workFolder } from './gateway-container.ts';
import { wheelCode } from './wheel.ts';

interface Config {
  User: string;
  Entrypoint: string[];
  Labels: Record<string, string>;
  Env: string[];
}

describe('the gateway image', () => {
  it('says what it is, has a user of its own, and no secret in any layer', MAY_BUILD, async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const image = await gatewayImage(docker);
    const text = await docker('image', 'inspect', '--format', '{{json .Config}}', image);
    const config = JSON.parse(text) as Config;
    assert.equal(config.User, 'jupyter');
    assert.deepEqual(config.Entrypoint, ['/usr/bin/tini', '--']);
    assert.equal(config.Labels['org.opencontainers.image.title'], 'Datalab gateway');
    assert.equal(config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    const history = await docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', image);
    assert.doesNotMatch(
      `${history}\n${config.Env.join('\n')}`,
      /token|passw|secret|credential|_KEY/i,
    );
  });

  it(
    'is healthy whatever the token is, and runs what a data scientist expects',
    MAY_BUILD,
    async (t) => {
      const docker = requireEngine(t);
      if (!docker) return;
      const work = workFolder(t);
      const gateway = await startGateway(t, docker, await gatewayImage(docker), work);
      const libraries = 'numpy, pandas, scipy, matplotlib, sklearn, ipywidgets, requests';
      const code = `
import ${libraries}, os, sklearn.linear_model, matplotlib.pyplot, scipy.stats
pandas.DataFrame({'a': [1]}).to_csv('made-by-a-kernel.csv')
print(os.getuid(), os.getcwd(), os.getppid() != 1, open('/proc/1/comm').read().strip())
print(open('/proc/self/status').read().split('NoNewPrivs:')[1][:2].strip())
print('_register_bigquery' in globals(), ${JSON.stringify(TOKEN)} in str(os.environ))`;
      const said = await gateway.run(code);
      assert.match(said, /^1000 \/work True tini\n1\nFalse False\n/);
      assert.equal(statSync(path.join(work, 'made-by-a-kernel.csv')).uid, 1000);
      // What numpy computes with, as the dynamic linker has found it.
      const maps =
        "import numpy; [line.split()[-1] for line in open('/proc/self/maps') if 'blas' in line][0]";
      assert.match(await gateway.run(maps), /openblas-pthread/);
    },
  );

  it('takes what a kernel installs at once, and keeps it with the files', MAY_BUILD, async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const image = await gatewayImage(docker);
    const work = workFolder(t);
    const first = await startGateway(t, docker, image, work);
    const kernel = await newKernel(first);
    await run(first, kernel, wheelCode('a_package', '1.0', 'answer = 42'));
    const installed = await run(
      first,
      kernel,
      '%pip install --no-index a_package-1.0-py3-none-any.whl',
    );
    assert.match(
      installed,
      /Successfully installed a_package-1.0|Successfully installed a-package-1.0/,
    );
    assert.equal(await run(first, kernel, 'import a_package; a_package.answer'), '42');
    await docker('rm', '--force', first.id);
    const second = await startGateway(t, docker, image, work);
    assert.equal(await second.run('import a_package; a_package.answer'), '42');
  });

  it(
    'starts whatever users have installed, and has a kernel in which that can be undone',
    MAY_BUILD,
    async (t) => {
      const docker = requireEngine(t);
      if (!docker) return;
      const image = await gatewayImage(docker);
      const work = workFolder(t);
      const first = await startGateway(t, docker, image, work);
      const kernel = await newKernel(first);
      const names = ['jinja2', 'ipykernel_launcher'];
      for (const name of names)
        await run(first, kernel, wheelCode(name, '99.0', 'raise SystemExit("broken")'));
      const wheels = names.map((name) => `${name}-99.0-py3-none-any.whl`).join(' ');
      const installed = await run(first, kernel, `%pip install --no-index --no-deps ${wheels}`);
      assert.match(installed, /Successfully installed .*ipykernel.launcher-99/);
      // In the folder where the server starts, too.
      await run(first, kernel, 'open("tornado.py", "w").write("raise SystemExit()")');
      await docker('rm', '--force', first.id);

      const second = await startGateway(t, docker, image, work);
      const plain = await newKernel(second, 'python3-plain');
      await run(second, plain, 'import os; os.remove("tornado.py")');
      const undone = await run(second, plain, '%pip uninstall --yes ipykernel_launcher jinja2');
      assert.match(undone, /Successfully uninstalled ipykernel.launcher-99/);
      assert.equal(await second.run('6 * 7'), '42');
    },
  );

  it('ends in order when it is asked to', MAY_BUILD, async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const work = workFolder(t);
    const gateway = await startGateway(t, docker, await gatewayImage(docker), work);
    await gateway.run(
      'import atexit; atexit.register(lambda: open("ended", "w").write("in order")); 1',
    );
    await docker('stop', '--time', '60', gateway.id);
    const state = await docker('inspect', '--format', '{{.State.ExitCode}}', gateway.id);
    assert.equal(state.trim(), '0');
    assert.equal(readFileSync(path.join(work, 'ended'), 'utf8'), 'in order');
  });

  it('says what is to be done for %%bigquery where PyPI was left out', MAY_BUILD, async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const work = workFolder(t);
    const gateway = await startGateway(t, docker, await gatewayImage(docker), work);
    const said = await gateway.run('%%bigquery\nSELECT 1');
    assert.match(said, /UsageError: %%bigquery is not in this image.*%pip install bigquery-magics/);
    assert.ok(existsSync(path.join(work, '.local')));
  });
});
