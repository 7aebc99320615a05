// Which invocations of docker the stand-in takes: those of vm-startup.sh, of this release and of those before.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import {
  parseDockerArguments,
  UnknownInvocation,
} from '../../../emulator/runtime/docker-arguments.ts';

const SCRIPT = path.join(import.meta.dirname, '../../../docker/gateway/vm-startup.sh');
const IMAGE = `gcr.io/p/datalab-agent@sha256:${'a'.repeat(64)}`;
const LOGS = ['--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'];
const UNPRIVILEGED = ['--security-opt', 'no-new-privileges'];
const RIGHTS = ['--read-only', '--cap-drop', 'ALL', ...UNPRIVILEGED];

function runAgent(...extra: string[]): string[] {
  const name = ['run', '--rm', '--name', 'datalab-x-1-agent', '--network', 'host'];
  return [...name, ...extra, ...LOGS, '--env', 'SESSION_ID=x', IMAGE];
}

function runGateway(...extra: string[]): string[] {
  const name = ['run', '--detach', '--name', 'datalab-x-1-gateway', '--restart=always'];
  const publish = [
    '--publish',
    '127.0.0.1:8889:8888',
    '--volume',
    '/w:/work',
    '--workdir',
    '/work',
  ];
  return [...name, ...extra, ...LOGS, ...publish, IMAGE];
}

describe('the stand-in for docker', () => {
  it('starts the agent as startup scripts say it, of instances that were made earlier too', () => {
    const now = parseDockerArguments(runAgent('--pid', 'host', ...RIGHTS));
    assert.equal(now.verb, 'run-agent');
    assert.deepEqual(parseDockerArguments(runAgent('--pid', 'host')), now);
    assert.deepEqual(parseDockerArguments(runAgent()), now);
  });

  it('starts the gateway as startup scripts say it, of instances that were made earlier too', () => {
    const now = parseDockerArguments(runGateway(...UNPRIVILEGED));
    assert.equal(now.verb, 'run-gateway');
    assert.deepEqual(parseDockerArguments(runGateway()), now);
  });

  it('takes the very words of vm-startup.sh', () => {
    const script = readFileSync(SCRIPT, 'utf8');
    assert.ok(script.includes(`--network host --pid host \\\n    ${RIGHTS.join(' ')} \\\n`));
    assert.ok(script.includes(`--restart=always ${UNPRIVILEGED.join(' ')} \\\n`));
  });

  it('refuses what no startup script says', () => {
    const halves = [['--read-only'], ['--read-only', '--cap-drop', 'NET_RAW', ...UNPRIVILEGED]];
    for (const extra of [['--pid', 'container:other'], ['--privileged'], ...halves]) {
      assert.throws(() => parseDockerArguments(runAgent(...extra)), UnknownInvocation);
    }
    const open = ['--security-opt', 'seccomp=unconfined'];
    assert.throws(() => parseDockerArguments(runGateway(...open)), UnknownInvocation);
  });
});
