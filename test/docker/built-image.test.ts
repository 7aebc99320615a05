// Images of ours in the real engine, for which here stands one that is made in a moment.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  ensureImage,
  nameOf,
  type BuildOptions,
  type ImageToBuild,
} from '../../client/docker/built-image.ts';
import { uiImage } from '../../client/docker/ui-image.ts';
import { docker, requireEngine } from './engine.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const LABEL = 'datalab.ui.test';

interface Place extends BuildOptions {
  image: ImageToBuild;
  lines: string[];
}

function place(t: TestContext, steps: string): Place | undefined {
  if (!requireEngine(t)) return undefined;
  const source = temporaryFolder(t);
  const repository = `datalab-ui-test-${randomBytes(6).toString('hex')}`;
  const lines: string[] = [];
  writeFileSync(
    path.join(source, 'Dockerfile'),
    `ARG BASE_IMAGE=none\nFROM \${BASE_IMAGE}\nLABEL ${LABEL}=${repository}\nCOPY marker /\n${steps}\n`,
  );
  writeFileSync(path.join(source, 'marker'), randomBytes(8));
  t.after(async () => {
    // A build that was interrupted leaves layers without a name.
    const label = `label=${LABEL}=${repository}`;
    const left = await docker('images', '--all', '--quiet', '--filter', label);
    for (const id of new Set(left.split('\n').filter(Boolean)))
      await docker('image', 'rm', '--force', id).catch(() => undefined);
  });
  return {
    ...{ lines, environment: process.env },
    image: uiImage({ source, repository, baseImage: 'debian:trixie-slim' }),
    onProgress: (line) => lines.push(line),
  };
}

async function namesOf(repository: string): Promise<string[]> {
  const format = '{{.Repository}}:{{.Tag}}';
  return (await docker('images', '--format', format, repository)).split('\n').filter(Boolean);
}

describe('an image of ours', () => {
  it('is built once, and shows how far it is', async (t) => {
    const options = place(t, 'RUN true');
    if (!options) return;
    const name = await ensureImage(options.image, options);
    assert.deepEqual(await namesOf(options.image.repository), [name]);
    assert.match(options.lines.join('\n'), /RUN true/);
    options.lines.length = 0;
    assert.equal(await ensureImage(options.image, options), name);
    assert.deepEqual(options.lines, []);
  });

  it('is another one when its files or its base are others, and replaces the one before', async (t) => {
    const options = place(t, 'RUN true');
    if (!options) return;
    const { source } = options.image;
    assert.notEqual(nameOf(options.image), nameOf(uiImage({ source, baseImage: 'debian:13' })));
    const first = await ensureImage(options.image, options);
    writeFileSync(path.join(options.image.source, 'marker'), 'another');
    const second = await ensureImage(options.image, options);
    assert.notEqual(first, second);
    assert.deepEqual(await namesOf(options.image.repository), [second]);
  });

  it('stays while a container uses it', async (t) => {
    const options = place(t, 'RUN true');
    if (!options) return;
    const first = await ensureImage(options.image, options);
    const id = await docker('create', first, 'true');
    writeFileSync(path.join(options.image.source, 'marker'), 'another');
    const second = await ensureImage(options.image, options);
    assert.deepEqual((await namesOf(options.image.repository)).sort(), [first, second].sort());
    await docker('rm', id);
  });

  it('is there for both of two starts at once', async (t) => {
    const options = place(t, 'RUN sleep 1');
    if (!options) return;
    const names = await Promise.all([
      ensureImage(options.image, options),
      ensureImage(options.image, options),
    ]);
    assert.equal(names[0], names[1]);
    assert.equal(await docker('run', '--rm', names[0], 'echo', 'runs'), 'runs');
    const label = `label=datalab.image=${options.image.repository}`;
    const all = await docker('images', '--quiet', '--filter', label);
    assert.equal(all.split('\n').length, 1, 'the other one is left without a name');
  });

  it('whose build is interrupted is not there, nor is anything that builds it, and the next build is whole', async (t) => {
    const mark = randomBytes(8).toString('hex');
    const options = place(t, `RUN test -e /quick || { sleep 300; echo ${mark}; }`);
    if (!options) return;
    const abort = new AbortController();
    const building = ensureImage(options.image, { ...options, signal: abort.signal });
    const containers = async () =>
      (await docker('ps', '--all', '--no-trunc', '--format', '{{.Command}}'))
        .split('\n')
        .filter((command) => command.includes(mark));
    await Promise.all([
      assert.rejects(building, /interrupted/),
      until('it is being built', async () => (await containers()).length > 0).then(() => {
        abort.abort(new Error('interrupted'));
      }),
    ]);
    await until('nothing builds it any more', async () => (await containers()).length === 0);
    assert.deepEqual(await namesOf(options.image.repository), []);
    writeFileSync(
      path.join(options.image.source, 'Dockerfile'),
      `ARG BASE_IMAGE\nFROM \${BASE_IMAGE}\nLABEL ${LABEL}=${options.image.repository}\nRUN touch /quick\n`,
    );
    const name = await ensureImage(options.image, options);
    assert.deepEqual(await namesOf(options.image.repository), [name]);
  });

  it('that cannot be built says of what, shows the end, and what to do without it', async (t) => {
    const options = place(t, 'RUN echo it has no network && false');
    if (!options) return;
    await assert.rejects(
      ensureImage(options.image, options),
      /could not be built\. It begins with debian:trixie-slim \(DATALAB_UI_BASE_IMAGE\).*--ui process[^]*it has no network/,
    );
    assert.deepEqual(await namesOf(options.image.repository), []);
  });
});
