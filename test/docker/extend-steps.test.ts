// The steps of cloudbuild/extend.yaml, as they are, with a real docker: what pip and docker make of them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createSubstitutions } from '../../emulator/cloudbuild/substitutions.ts';
import type { ExtensionKind } from '../../functions/contract.ts';
import { extendResource, readExtendFile } from '../../functions/google/extend-file.ts';
import { findProgram, requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { engineHost, requireEngine } from './engine.ts';
import { startIndex } from './package-index.ts';
import { writeWheel } from './wheel.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const IMAGE = 'gcr.io/datalab-test/extend-steps';
const ENGINE_MILLISECONDS = 900_000;

/** A Debian as gateway images are made of: Python that pip may not touch without being told to, no pip, a user. */
const BASE = `FROM debian:trixie-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 jupyter
USER jupyter
WORKDIR /work
ENTRYPOINT ["python3"]
CMD ["-c", "print('as it was')"]
`;

interface Ran {
  status: number | null;
  output: string;
}

type Run = (program: string, args: readonly string[], cwd?: string) => Promise<Ran>;

/** Programs as the builder's steps have them: images are here instead of in a registry, Cloud Build's network is this machine's. */
function runner(host: string, home: string): Run {
  const docker = findProgram('docker') ?? '';
  const folder = path.join(home, 'bin');
  mkdirSync(folder);
  const standIn = `#!/bin/bash
[[ $1 == pull ]] && set -- image inspect --format 'here: {{.Id}}' "$2"
[[ $1 == build ]] && set -- build --force-rm "\${@:2}"
exec ${docker} "\${@/#--network=cloudbuild/--network=host}"
`;
  writeFileSync(path.join(folder, 'docker'), standIn, { mode: 0o755 });
  const env = {
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    ...(host === '' ? {} : { DOCKER_HOST: host }),
  };
  return async (program, args, cwd = home) => {
    const child = spawn(program, args, { cwd, env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, output };
  };
}

function prepare(t: TestContext, host: string) {
  // Hooks run in the order in which they were asked for: the images go before the programs.
  t.after(async () => {
    await run('docker', ['image', 'rm', '--force', ...made]);
  });
  const home = temporaryFolder(t);
  const run = runner(host, home);
  const image = `${IMAGE}-${process.pid}`;
  const made = ['base', 'latest', 'one', 'two', 'v1', 'v2', 'v3'].map((tag) => `${image}:${tag}`);
  const ok = async (...args: string[]) => {
    const { status, output } = await run('docker', args);
    assert.equal(status, 0, output);
    return output.trim();
  };
  const extend = async (kind: ExtensionKind, text: string, base: string, version: string) => {
    const extension = { kind, text, base, isOnBase: true, hash: 'h' };
    const surroundings = { projectId: 'p', buildTopic: 't', buildServiceAccount: undefined };
    const file = await readExtendFile(path.join(ROOT, 'cloudbuild/extend.yaml'));
    const request = { image: `${image}:latest`, tag: 'x', version, extension };
    const { steps, substitutions } = extendResource(file, request, surroundings);
    const { apply } = createSubstitutions({
      builtIn: {},
      given: substitutions,
      isDynamic: true,
      isLoose: true,
    });
    const workspace = temporaryFolder(t);
    let log = '';
    for (const { entrypoint = 'docker', args = [], env = [] } of steps) {
      const words = [...env, entrypoint, ...args.map(apply)];
      const { status, output } = await run('env', words, workspace);
      log += output;
      if (status !== 0) return { log, failed: true };
    }
    return { log, failed: false };
  };
  return { image, ok, extend, home };
}

async function servePackages(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t);
  const wheelOf = (name: string) => writeWheel(folder, name, '1.0', `NAME = "${name}"\n`);
  return await startIndex(t, folder, {
    'datalab-probe': wheelOf('datalab_probe'),
    'datalab-other': wheelOf('datalab_other'),
  });
}

describe('the steps of cloudbuild/extend.yaml', { timeout: ENGINE_MILLISECONDS }, () => {
  it('install packages on top of an image, which stays what it was otherwise, again and again', async (t) => {
    if (!requireProgram(t, 'python3') || !requireEngine(t)) return;
    const host = engineHost();
    const { image, ok, extend, home } = prepare(t, host);
    const index = await servePackages(t);
    const context = path.join(home, 'base');
    mkdirSync(context);
    writeFileSync(path.join(context, 'Dockerfile'), BASE);
    await ok('build', '--network=host', '--tag', `${image}:base`, context);
    const base = `${image}:base`;
    // An image that the next one is built on keeps a name of its own.
    const keep = async (tag: string) => {
      await ok('tag', `${image}:latest`, `${image}:${tag}`);
      return `${image}:${tag}`;
    };
    const file = (name: string) => `--index-url ${index}\n${name} # costs $5\n`;
    const field = (format: string, of = `${image}:latest`) =>
      ok('image', 'inspect', '--format', format, of);
    const settings =
      '{{.Config.User}} {{.Config.WorkingDir}} {{.Config.Entrypoint}} {{.Config.Cmd}}';
    const runPython = (code: string) =>
      ok('run', '--rm', '--network=none', `${image}:latest`, '-c', code);

    const first = await extend('requirements', file('datalab-probe'), base, 'v1');
    assert.equal(first.failed, false, first.log);
    assert.match(first.log, /Successfully installed datalab-probe-1\.0/);
    const who = 'import os, datalab_probe as d; print(d.NAME, os.getuid(), os.getcwd())';
    assert.equal(await runPython(who), 'datalab_probe 1000 /work');
    assert.equal(await field(settings), await field(settings, base));
    const label = (name: string) =>
      field(`{{index .Config.Labels "org.opencontainers.image.${name}"}}`);
    assert.equal(await label('base.digest'), 'base');
    assert.equal(await label('base.name'), `${image}:latest`);
    assert.equal(await label('version'), 'v1');
    assert.equal(await field('{{.Id}}'), await field('{{.Id}}', `${image}:v1`));

    // On top of that, now with pip in it.
    const next = await keep('one');
    const second = await extend('requirements', file('datalab-other'), next, 'v2');
    assert.equal(second.failed, false, second.log);
    assert.doesNotMatch(second.log, /Setting up python3-pip/, 'it was there');
    await runPython('import datalab_probe, datalab_other');

    const dockerfile =
      'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nUSER root\nRUN echo "$HOME" >/etc/probe\nUSER jupyter\n';
    const third = await extend('dockerfile', dockerfile, await keep('two'), 'v3');
    assert.equal(third.failed, false, third.log);
    assert.equal(await runPython('print(open("/etc/probe").read())'), '/root');

    const failed = await extend('requirements', file('no-such-package'), next, 'v4');
    assert.equal(failed.failed, true);
    assert.match(failed.log, /No matching distribution found for no-such-package/);
    assert.equal(await label('version'), 'v3', 'the image is as it was before');
  });
});
