// Ctrl-C while an emulator on an engine starts for the first time. In the place of docker is a program whose builds take for
// ever.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { EXIT } from '../../../client/errors.ts';
import { runClient, untilNoProcess } from '../../helpers/client.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { writeScript } from '../../jupyter/stand-in-debian.ts';

const DOCKER = `
case $1 in
  context) echo unix:///run/docker.sock ;;
  info) echo '{"OSType": "linux", "ServerVersion": "26.1.5"}' ;;
  build)
    touch "$0.builds"
    exec sleep 60
    ;;
esac`;

describe('an emulator that builds its agent image', () => {
  it('ends at Ctrl-C, and the build with it', async (t) => {
    const stateDir = temporaryFolder(t);
    const bin = path.join(stateDir, 'bin');
    mkdirSync(bin);
    const docker = path.join(bin, 'docker');
    writeScript(docker, DOCKER);
    writeScript(path.join(bin, 'curl'), '');
    const client = runClient(t, stateDir, ['emulator', '--runtime', 'docker'], {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    });
    await until('it builds', () => existsSync(`${docker}.builds`), 90);
    client.signal('SIGTERM');
    assert.equal(await client.ended, EXIT.interrupted, client.stderr());
    await untilNoProcess(stateDir);
    assert.ok(!existsSync(path.join(stateDir, 'emulator-docker', 'agent-image')));
  });
});
