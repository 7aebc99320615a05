// Ctrl-C while an emulator on an engine starts for the first time. In the place of docker is a program that does not come to an
// end with what it is asked for.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EXIT } from '../../../client/errors.ts';
import { runClient, untilNoProcess, type RunningClient } from '../../helpers/client.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { writeScript } from '../../jupyter/stand-in-debian.ts';

/** Far less than the patience with an emulator that hangs, and than docker's with an engine. */
const SOON_MILLISECONDS = 10_000;

function docker(hangs: string): string {
  return `
[[ $1 != ${hangs} ]] || { touch "$0.hangs"; exec sleep 90; }
case $1 in
  context) echo unix:///run/docker.sock ;;
  info) echo '{"OSType": "linux", "ServerVersion": "26.1.5"}' ;;
esac`;
}

interface Hanging {
  client: RunningClient;
  stateDir: string;
}

async function untilItHangs(t: TestContext, hangs: string, args: string[]): Promise<Hanging> {
  const stateDir = temporaryFolder(t);
  const bin = path.join(stateDir, 'bin');
  mkdirSync(bin);
  const program = path.join(bin, 'docker');
  writeScript(program, docker(hangs));
  writeScript(path.join(bin, 'curl'), '');
  const client = runClient(t, stateDir, [...args, '--runtime', 'docker'], {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
  });
  await until('it hangs', () => existsSync(`${program}.hangs`), 90);
  return { client, stateDir };
}

for (const [what, hangs] of [
  ['builds its agent image', 'build'],
  ['pushes its agent image', 'push'],
  ['looks for its engine', 'info'],
] as const) {
  describe(`an emulator that ${what}`, () => {
    for (const args of [['emulator'], ['start', '--ui', 'none', '--emulator']]) {
      it(`ends at once at Ctrl-C, and docker with it: ${args.join(' ')}`, async (t) => {
        const { client, stateDir } = await untilItHangs(t, hangs, args);
        const at = performance.now();
        client.signal('SIGINT');
        assert.equal(await client.ended, EXIT.interrupted, client.stderr());
        const took = performance.now() - at;
        await untilNoProcess(stateDir);
        assert.ok(took < SOON_MILLISECONDS, `it took ${took} ms`);
        assert.ok(!existsSync(path.join(stateDir, 'emulator-docker', 'agent-image')));
      });
    }
  });
}
