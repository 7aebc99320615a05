// Which engines are taken for the docker runtime, and what a person is told of others. In the place of docker is a program that
// answers what an engine might.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EngineError, openEngine } from '../../../emulator/engine/engine.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { writeScript } from '../../jupyter/stand-in-debian.ts';

const GOOD = { OSType: 'linux', OperatingSystem: 'Debian GNU/Linux 12', ServerVersion: '26.1.5' };

/** The environment of a machine whose `docker info` prints this. */
function machine(t: TestContext, information: string, host = 'unix:///run/docker.sock') {
  const bin = temporaryFolder(t);
  const environment = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, INFORMATION: information };
  writeScript(
    path.join(bin, 'docker'),
    `case $1 in context) echo ${host} ;; info) echo "$INFORMATION" ;; esac`,
  );
  writeScript(path.join(bin, 'curl'), '');
  return environment;
}

async function refusal(environment: NodeJS.ProcessEnv): Promise<string> {
  const error = await openEngine(environment).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof EngineError, String(error));
  return error.message;
}

describe('an engine for the docker runtime', () => {
  it('is one of this machine that runs as root', async (t) => {
    const engine = await openEngine(machine(t, JSON.stringify({ ...GOOD, SecurityOptions: null })));
    assert.equal(engine.host, 'unix:///run/docker.sock');
  });

  for (const [why, information] of [
    ['it does not run on Linux', { OSType: 'windows' }],
    ['Docker Desktop is a machine of its own', { OperatingSystem: 'Docker Desktop' }],
    ['a rootless engine has a network of its own', { SecurityOptions: ['name=rootless'] }],
    ['it is shutting down', { ServerErrors: ['it is shutting down'] }],
  ] as const) {
    it(`is none of which this holds: ${why}`, async (t) => {
      const said = await refusal(machine(t, JSON.stringify({ ...GOOD, ...information })));
      assert.match(said, new RegExp(`cannot run emulated instances: ${why}\\. Use one of this`));
    });
  }

  it('is on this machine', async (t) => {
    const said = await refusal(machine(t, JSON.stringify(GOOD), 'ssh://me@far.example'));
    assert.match(said, /ssh:\/\/me@far\.example cannot run .*: it is on another machine/);
  });

  for (const answer of [
    'Client: a program like docker',
    'null',
    '{"host": {"os": "linux"}, "version": {"Version": "5.4.2"}}',
    '[]',
    '{"OSType": 5}',
    '{"OSType": "linux", "SecurityOptions": "name=seccomp"}',
  ]) {
    it(`is none whose answer cannot be read, as ${answer}`, async (t) => {
      const said = await refusal(machine(t, answer));
      assert.ok(said.includes(`What docker info answers cannot be read: ${answer}. See`), said);
      assert.match(said, /`docker version` .*or leave out --runtime docker\.$/);
    });
  }

  it('says something', async (t) => {
    assert.match(await refusal(machine(t, '')), /cannot be read: nothing\. See/);
  });
});
