// What containers on an engine print, told line by line. In the place of docker is a program that tells of a container which
// starts again before the end of its first life's log has come.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { followContainers } from '../../../emulator/engine/container-output.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';
import { writeScript } from '../../jupyter/stand-in-debian.ts';

const DOCKER = `
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

describe('the output of containers on an engine', () => {
  it('is told of a container that was started again before its log had ended', async (t) => {
    const program = path.join(temporaryFolder(t), 'docker');
    writeScript(program, DOCKER);
    const told: string[] = [];
    const engine = { program, host: '', run: () => Promise.reject(new Error('not to be called')) };
    const end = followContainers(engine, 'e/one', (name, lines) => {
      told.push(...lines.map((line) => `${name}: ${line}`));
    });
    t.after(end);
    await until('its second life is told', () => told.length > 1);
    assert.deepEqual(told, ['one: its first life', 'one: its second life']);
  });
});
