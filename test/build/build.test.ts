// `npm run build`: what comes of it runs by itself, without one TypeScript file.
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { processesOf, runClient, untilNoProcess } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const ROOT = path.join(import.meta.dirname, '../..');

describe('npm run build', () => {
  // Beside a link to our packages, and far from our sources.
  const folder = mkdtempSync(path.join(tmpdir(), 'datalab-build-'));
  const out = path.join(folder, 'dist');
  const client = path.join(out, 'client/datalab-client.js');
  let build: SpawnSyncReturns<string> | undefined;

  before(() => {
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    const script = path.join(ROOT, 'scripts/build.ts');
    build = spawnSync(process.execPath, [script, out], { encoding: 'utf8' });
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('leaves no TypeScript in its folder', () => {
    assert.equal(build?.status, 0, build?.stdout);
    const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
    assert.ok(files.includes('functions/index.js'));
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts')),
      [],
    );
  });

  it('makes a client that tells its version', () => {
    const { status, stdout } = spawnSync(process.execPath, [client, '--version'], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout.trim()], [0, packageJson.version]);
  });

  it('makes programs that find each other: a cell runs, Ctrl-C ends them all', async (t) => {
    if (!requireProgram(t, '/usr/bin/jupyter-server')) return;
    const stateDir = temporaryFolder(t);
    const args = ['start', '--emulator', '--ui', 'none', '--json', temporaryFolder(t)];
    const started = runClient(t, stateDir, args, {}, client);
    const { gateway } = await started.ready();
    const processes = processesOf(stateDir);
    const ours = ['client/datalab-client.js', 'functions/index.js', 'agent/bin.js'];
    for (const name of ours) {
      assert.ok(
        processes.some((line) => line.includes(path.join(out, name))),
        `${name} runs`,
      );
    }
    assert.deepEqual(
      processes.filter((line) => /\.ts\b/.test(line)),
      [],
    );
    assert.equal((await run(gateway, await newKernel(gateway), '6*7')).trim(), '42');
    started.signal('SIGINT');
    assert.equal(await started.ended, 0);
    await untilNoProcess(stateDir);
  });
});
