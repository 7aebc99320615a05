// dist/functions/: what Cloud Functions gets, all of it and nothing else.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { startFramework } from '../functions/framework-process.ts';
import { copySources, filesBelow, ROOT, runIn } from './built.ts';

const FILES = [
  'LICENSE',
  'LICENSES.txt',
  'cloudbuild/extend.yaml',
  'cloudbuild/gateway.yaml',
  'docker/gateway/vm-startup.sh',
  'package.json',
];

describe('dist/functions', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-functions-'));
  const sources = mkdtempSync(path.join(tmpdir(), 'datalab-build-'));
  let files: string[] = [];
  const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');

  before(() => {
    copySources(sources);
    runIn(sources, 'npm', ['run', 'build']);
    cpSync(path.join(sources, 'dist/functions'), folder, { recursive: true });
    rmSync(sources, { recursive: true });
    files = filesBelow(folder);
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const target of ['api', 'reapIdle', 'onBuildFinished'] as const) {
    it(`is served as ${target} by the Functions Framework, from its folder alone`, async (t) => {
      const { url, output } = await startFramework(t, { target, source: folder });
      const { status } = await fetch(`${url}/health`);
      assert.ok(target === 'onBuildFinished' ? status < 500 : status === 200, output());
    });
  }

  it('holds no file that it does not need', () => {
    const code = files.filter((file) => file.endsWith('.js'));
    assert.deepEqual(
      files.filter((file) => !code.includes(file)),
      FILES,
    );
    const all = code.map(read).join('\n');
    for (const file of code.filter((name) => name !== 'index.js')) {
      assert.ok(all.includes(`"./${file}"`), `${file} is imported`);
    }
  });

  it('reads the startup script and the build file that it brings', () => {
    for (const file of ['docker/gateway/vm-startup.sh', 'cloudbuild/gateway.yaml']) {
      assert.equal(read(file), readFileSync(path.join(ROOT, file), 'utf8'));
    }
  });

  it('asks for the exact versions that were tested, of what it imports', () => {
    const { dependencies, ...rest } = JSON.parse(read('package.json')) as {
      dependencies: Record<string, string>;
    };
    assert.deepEqual(rest, {
      name: 'datalab-on-gcp-functions',
      version: packageJson.version,
      license: 'Apache-2.0',
      private: true,
      type: 'module',
      main: 'index.js',
      engines: packageJson.engines,
    });
    assert.deepEqual(Object.keys(dependencies), [
      '@google-cloud/compute',
      '@google-cloud/firestore',
      '@google-cloud/functions-framework',
      'google-auth-library',
    ]);
    for (const [name, version] of Object.entries(dependencies)) {
      const json = readFileSync(path.join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
      assert.equal(version, (JSON.parse(json) as { version: string }).version, name);
    }
  });

  it('brings zod without its fifty languages', () => {
    const locales = files
      .filter((file) => file.endsWith('.js'))
      .flatMap((file) => read(file).match(/zod\/v4\/locales\/\w+\.js/g) ?? []);
    assert.deepEqual(locales, ['zod/v4/locales/en.js']);
  });
});
