// The package as somebody gets it who has nothing of the repository: packed, installed in an empty folder, run.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { bundle, PARTS } from '../../scripts/bundle.ts';
import { processesOf, runClient, untilNoProcess } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { copySources, filesBelow, ROOT, runIn } from './built.ts';

/** Node.js 22, which the package takes too, lacks these. */
const AS_NODE_22 = 'delete globalThis.AsyncDisposableStack;delete globalThis.DisposableStack';
const LARGEST_MEGABYTES = 1.5;

describe('the package', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-package-'));
  const at = (name: string) => path.join(folder, name);
  const installed = at('elsewhere/node_modules/datalab-on-gcp');
  const command = at('elsewhere/node_modules/.bin/datalab-client');
  let tarball = '';

  before(() => {
    mkdirSync(at('sources'));
    mkdirSync(at('elsewhere'));
    copySources(at('sources'));
    runIn(at('sources'), 'npm', ['pack', '--pack-destination', folder]);
    tarball = at(`datalab-on-gcp-${packageJson.version}.tgz`);
    const flags = ['--prefer-offline', '--omit=dev', '--no-audit', '--no-fund'];
    runIn(at('elsewhere'), 'npm', ['install', ...flags, tarball]);
    rmSync(at('sources'), { recursive: true });
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is small: what runs, and nothing that it was made from', () => {
    const files = filesBelow(installed);
    const others = files.filter((file) => !file.startsWith('dist/'));
    assert.deepEqual(others, [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'client/datalab-client.js',
      'package.json',
    ]);
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts')),
      [],
    );
    assert.ok(statSync(tarball).size < LARGEST_MEGABYTES * 1_000_000, 'tarball');
  });

  it('has what the agent image is built from, in one folder', () => {
    const files = filesBelow(path.join(installed, 'dist/agent'));
    const dockerfile = readFileSync(path.join(installed, 'dist/agent/Dockerfile'), 'utf8');
    const [, copied = ''] = /^COPY (.+) \S+$/m.exec(dockerfile) ?? [];
    const patterns = ['Dockerfile', ...copied.split(' ')];
    const isTaken = (file: string) => patterns.some((pattern) => path.matchesGlob(file, pattern));
    assert.deepEqual(
      files.filter((file) => !isTaken(file)),
      [],
      'not in the image',
    );
    for (const pattern of patterns)
      assert.ok(
        files.some((file) => path.matchesGlob(file, pattern)),
        pattern,
      );
  });

  it('has what the images of gateway and pages are built from, as the sources have it', () => {
    for (const image of ['docker/gateway', 'docker/datalab']) {
      assert.deepEqual(
        filesBelow(path.join(installed, 'dist', image)),
        filesBelow(path.join(ROOT, image)),
      );
    }
  });

  it('names the licenses of the libraries that are in it', () => {
    for (const part of PARTS) {
      const text = readFileSync(path.join(installed, 'dist', part, 'LICENSES.txt'), 'utf8');
      assert.match(text, /^zod \d+\.\d+\.\d+ \(MIT\)$/m, part);
      assert.match(text, /Permission is hereby granted, free of charge/, part);
    }
  });

  it('depends on what its programs import, and on nothing else', async (t) => {
    const out = temporaryFolder(t);
    const bundles = await Promise.all(PARTS.map((part) => bundle(part, ROOT, out)));
    const imports = new Set(bundles.flatMap((one) => one.imports));
    assert.deepEqual([...imports].sort(), Object.keys(packageJson.dependencies).sort());
  });

  it('has a command that tells its version and its verbs', () => {
    assert.equal(runIn(folder, command, ['--version']), `${packageJson.version}\n`);
    assert.match(runIn(folder, command, ['--help']), /^Usage: datalab-client[^]*\bstart\b/);
  });

  it('runs all of it: the pages, a cell on an emulated instance; Ctrl-C ends every program', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const stateDir = temporaryFolder(t);
    const args = ['start', '--emulator', '--json', temporaryFolder(t)];
    const env = { NODE_OPTIONS: `--import="data:text/javascript,${AS_NODE_22}"` };
    const started = runClient(t, stateDir, args, env, command);
    const { gateway, ui } = await started.ready();
    const page = await fetch(ui?.url ?? '', { redirect: 'manual' });
    assert.ok(page.headers.get('location')?.startsWith('/'), 'the pages are there');
    const processes = processesOf(stateDir);
    for (const name of [
      'client/datalab-client.js',
      'dist/functions/index.js',
      'dist/agent/bin.js',
    ]) {
      assert.ok(
        processes.some((line) => line.includes(path.join(installed, name))),
        `${name} runs`,
      );
    }
    assert.deepEqual(
      processes.filter((line) => /\.ts\b/.test(line) || line.includes(ROOT + path.sep + 'client')),
      [],
    );
    assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
    started.signal('SIGINT');
    assert.equal(await started.ended, 0);
    await untilNoProcess(stateDir);
  });
});
