// The stand-in that stands before a real docker: what it makes of what the startup script and Cloud Build's steps say. In the
// place of the real one is a program that writes down its words.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ENGINE_STAND_INS } from '../../../emulator/engine/engine-docker.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { writeScript } from '../../jupyter/stand-in-debian.ts';

const IMAGE = 'gcr.io/p/datalab-gateway';

interface Said {
  /** What the real one gets. */
  words: string[];
  printed: string;
  status: number | null;
}

function say(t: TestContext, uid: number, ...args: string[]): Said {
  const engine = path.join(temporaryFolder(t), 'docker');
  writeScript(engine, 'printf "%s\\n" "$@" >"$0.words"; echo "done: ${*: -1}"; [[ $1 != push ]]');
  const { stdout: printed, status } = spawnSync(path.join(ENGINE_STAND_INS, 'docker'), args, {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      DATALAB_EMULATOR_ENGINE_DOCKER: engine,
      DATALAB_EMULATOR_REGISTRY_HOST: '127.0.0.1:5000',
      DATALAB_EMULATOR_ID: 'e',
      DATALAB_EMULATOR_LEASH: 'e/one',
      DATALAB_EMULATOR_UID: String(uid),
    },
  });
  const words = readFileSync(`${engine}.words`, 'utf8').trimEnd().split('\n');
  return { words, printed, status };
}

describe('the docker of an instance on an engine', () => {
  it('takes images from the emulated registry, and marks what it runs', (t) => {
    const { words } = say(t, 0, 'run', '--cap-drop', 'ALL', `${IMAGE}:latest`, 'sh');
    assert.deepEqual(words, [
      ...['run', '--label', 'datalab.emulator=e', '--label', 'datalab.emulator.leash=e/one'],
      ...['--label', `datalab.emulator.image=${IMAGE}:latest`, '--cap-drop', 'ALL'],
      ...['127.0.0.1:5000/p/datalab-gateway:latest', 'sh'],
    ]);
  });

  it('lets root in a container open what somebody else than root has made for it', (t) => {
    const { words } = say(t, 1000, 'run', '--cap-drop', 'ALL', IMAGE);
    assert.deepEqual(words.slice(0, 3), ['run', '--cap-add', 'DAC_OVERRIDE']);
  });

  it('leaves labels of an image as they were written', (t) => {
    const label = `--label=org.opencontainers.image.base.name=${IMAGE}:latest`;
    const base = `--build-arg=BASE_IMAGE=${IMAGE}@sha256:0`;
    const args = ['build', '--network=cloudbuild', base, label, `--tag=${IMAGE}:v`];
    const { words, printed } = say(t, 0, ...args);
    const registry = '127.0.0.1:5000/p/datalab-gateway';
    assert.deepEqual(words, [
      ...['build', '--force-rm', '--network=host', `--build-arg=BASE_IMAGE=${registry}@sha256:0`],
      ...[label, `--tag=${registry}:v`],
    ]);
    // A person reads the name that they know.
    assert.equal(printed, `done: --tag=${IMAGE}:v\n`);
  });

  it('fails as docker does', (t) => {
    assert.equal(say(t, 0, 'push', IMAGE).status, 1);
  });
});
