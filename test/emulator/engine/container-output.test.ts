// What containers on an engine print, told line by line. In the place of docker is a program that tells of a container which
// starts again: before the end of its first life's log has come, or with its engine.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { followContainers } from '../../../emulator/engine/container-output.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { writeScript } from '../../jupyter/stand-in-debian.ts';

const STARTS_EARLY = `
until_there() { until [[ -e $0.$1 ]]; do sleep 0.02; done; }
case $1 in
  events)
    echo one
    until_there followed
    echo one
    touch "$0.again"
    exec sleep 60
    ;;
  logs)
    if [[ ! -e $0.followed ]]; then
      echo '2026-11-30T00:00:00.000000001Z its first life'
      touch "$0.followed"
      until_there again
      sleep 0.2
    else
      # Docker tells what was printed at that moment once more.
      echo '2026-11-30T00:00:00.000000001Z its first life'
      echo '2026-11-30T00:00:00.000000002Z its second life'
      exec sleep 60
    fi
    ;;
esac`;

/** An engine that goes while it is asked for both, is not there for a while, and has left its container running meanwhile. */
const ENGINE_RESTARTS = `
until_there() { until [[ -e $0.$1 ]]; do sleep 0.02; done; }
fail_without_engine() {
  [[ -e $0.again ]] || {
    [[ $1 != events ]] || touch "$0.again"
    echo 'Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?' >&2
    exit 1
  }
}
case $1 in
  events)
    [[ ! -e $0.gone ]] || fail_without_engine events
    [[ ! -e $0.gone ]] || exec sleep 60
    echo one
    until_there followed
    touch "$0.gone"
    ;;
  ps)
    fail_without_engine ps
    echo one
    ;;
  logs)
    [[ ! -e $0.gone ]] || fail_without_engine logs
    echo '2026-11-30T00:00:00.000000001Z before'
    touch "$0.followed"
    until_there gone
    [[ -e $0.again ]] || { echo 'error from daemon in stream: unexpected EOF' >&2; exit 1; }
    echo '2026-11-30T00:00:00.000000002Z after'
    exec sleep 60
    ;;
esac`;

function follow(t: TestContext, docker: string): string[] {
  const program = path.join(temporaryFolder(t), 'docker');
  writeScript(program, docker);
  const told: string[] = [];
  const engine = { program, host: '', run: () => Promise.reject(new Error('not to be called')) };
  const end = followContainers(engine, 'e/one', (name, lines) => {
    told.push(...lines.map((line) => `${name}: ${line}`));
  });
  t.after(end);
  return told;
}

describe('the output of containers on an engine', () => {
  it('is told of a container that was started again before its log had ended', async (t) => {
    const told = follow(t, STARTS_EARLY);
    await until('its second life is told', () => told.length > 1);
    assert.deepEqual(told, ['one: its first life', 'one: its second life']);
  });

  it('is told after the engine was started again, and what docker says of that is not', async (t) => {
    const told = follow(t, ENGINE_RESTARTS);
    await until('what came later is told', () => told.some((line) => line.endsWith('after')));
    assert.deepEqual(told, ['one: before', 'one: after']);
  });
});
