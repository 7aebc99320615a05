// What the gateway image has from a package index: an index of this machine stands for PyPI, and %%bigquery's package for
// itself.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { SOURCE_FILES } from '../../scripts/gateway-build.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { MAY_BUILD, requireEngine } from './engine.ts';
import { gatewayImage, SOURCES, startGateway, workFolder } from './gateway-container.ts';
import { startIndex } from './package-index.ts';
import { writeWheel } from './wheel.ts';

/** As Google's is loaded, without Google. */
const MAGICS = `
print('loaded')
def _cell(line, cell): print('query:', line, cell.strip())
def load_ipython_extension(shell):
    shell.register_magic_function(_cell, magic_kind='cell', magic_name='bigquery')
`;
const NAME = '127.0.0.1:1/datalab-test/gateway-packages:try';

describe('the gateway image with packages from an index', () => {
  it(
    'has them beside Debian’s, whose layer is used again, and %%bigquery without loading anything',
    MAY_BUILD,
    async (t) => {
      const docker = requireEngine(t);
      if (!docker) return;
      await gatewayImage(docker);
      const context = path.join(temporaryFolder(t), 'context');
      mkdirSync(context);
      for (const name of SOURCE_FILES)
        copyFileSync(path.join(SOURCES, name), path.join(context, name));
      writeFileSync(
        path.join(context, 'requirements.txt'),
        'bigquery-magics==0.15.2\nnumpy>=2\nipywidgets>=7.7.1\n',
      );
      const wheels = temporaryFolder(t);
      const index = await startIndex(t, wheels, {
        'bigquery-magics': writeWheel(wheels, 'bigquery_magics', '0.15.2', MAGICS),
      });
      // The host's network: the index is on its loopback. On an instance there is none.
      const log = await docker(
        ...['build', '--network=host', `--build-arg=PYPI=${index}`, '--tag', NAME, context],
      );
      const steps = log.split(/^Step \d+\/\d+ : /m);
      const stepOf = (start: string) => steps.find((step) => step.startsWith(start)) ?? '';
      assert.match(stepOf('RUN apt-get'), /Using cache/);
      assert.match(stepOf('RUN case'), /Successfully installed bigquery-magics-0.15.2\n/);

      const gateway = await startGateway(t, docker, NAME, workFolder(t));
      // After the container, which is registered before.
      t.after(() => docker('image', 'rm', NAME));
      const kernel = await newKernel(gateway);
      const places = `
import sys, numpy, importlib.util
print('bigquery_magics' in sys.modules, importlib.util.find_spec('bigquery_magics').origin, numpy.__file__)
print(open('/etc/pip.conf').read())`;
      const said = await run(gateway, kernel, places);
      assert.match(
        said,
        /^False \/usr\/local\/lib\/python3\.\d+\/dist-packages\/bigquery_magics\.py /,
      );
      assert.match(said, / \/usr\/lib\/python3\/dist-packages\/numpy\//);
      assert.ok(said.includes(`index-url = ${index}`), 'pip asks the same index in kernels');
      const first = await run(gateway, kernel, '%%bigquery frame\nSELECT 1');
      assert.equal(first, 'loaded\nquery: frame SELECT 1\n');
      assert.equal(await run(gateway, kernel, '%%bigquery\nSELECT 2'), 'query:  SELECT 2\n');
      const missing = await run(gateway, kernel, '%%bqsql\nSELECT 3');
      assert.match(missing, /UsageError: bigquery_magics has no %%bqsql/);
    },
  );
});
