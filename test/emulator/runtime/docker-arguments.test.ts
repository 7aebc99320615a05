// Which invocations of docker the stand-in takes: those of vm-startup.sh, of this release and of those before.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  parseDockerArguments,
  UnknownInvocation,
} from '../../../emulator/runtime/docker-arguments.ts';

const IMAGE = `gcr.io/p/datalab-agent@sha256:${'a'.repeat(64)}`;

function runAgent(...extra: string[]): string[] {
  const logs = ['--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'];
  const name = ['run', '--rm', '--name', 'datalab-x-1-agent', '--network', 'host'];
  return [...name, ...extra, ...logs, '--env', 'SESSION_ID=x', IMAGE];
}

describe('the stand-in for docker', () => {
  it('starts the agent as startup scripts say it, of instances that were made earlier too', () => {
    const now = parseDockerArguments(runAgent('--pid', 'host'));
    assert.equal(now.verb, 'run-agent');
    assert.deepEqual(parseDockerArguments(runAgent()), now);
  });

  it('refuses what no startup script says', () => {
    for (const extra of [['--pid', 'container:other'], ['--privileged']]) {
      assert.throws(() => parseDockerArguments(runAgent(...extra)), UnknownInvocation);
    }
  });
});
