// What docker makes of a Dockerfile's lines is what the tests of our own readings say that it makes.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { DOCKERFILE_CASES } from '../functions/dockerfile-cases.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { requireEngine } from './engine.ts';

describe('docker', () => {
  for (const [index, { what, text, label }] of DOCKERFILE_CASES.entries()) {
    it(`reads lines as we do: ${what}`, async (t) => {
      const docker = requireEngine(t);
      if (!docker) return;
      const folder = temporaryFolder(t);
      writeFileSync(path.join(folder, 'Dockerfile'), text);
      const image = `datalab-test-lines:${process.pid}-${index}`;
      await docker('build', '--tag', image, folder);
      t.after(() => docker('image', 'rm', image));
      const format = '{{index .Config.Labels "a"}}';
      assert.equal(await docker('image', 'inspect', '--format', format, image), label);
    });
  }
});
