// `logs ui`: the notebook server's log on this machine, without a backend.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { findUiLogs, newUiLog } from '../../../client/jupyter/ui-logs.ts';
import { runClient, type RunningClient } from '../../helpers/client.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';

/** No process has it: above what Linux gives out. */
const NOBODY = 2 ** 22 + 1;

function prepare(t: TestContext) {
  const stateDir = temporaryFolder(t);
  const folder = path.join(stateDir, 'ui');
  mkdirSync(folder);
  return { stateDir, folder, file: path.join(folder, `ui-server-${NOBODY}.log`) };
}

const linesOf = ({ events }: RunningClient) => events.map(({ line, text }) => line ?? text);

describe('datalab-client logs ui', () => {
  it('shows the last lines of the newest log, as text and as JSON', async (t) => {
    const { stateDir, file, folder } = prepare(t);
    writeFileSync(file, 'one\ntwo\n\u001b[31mthree\u001b[0m\nno end');
    const other = path.join(folder, 'ui-server-1.log');
    writeFileSync(other, 'of another start\n');
    utimesSync(other, 1, 1);
    const text = runClient(t, stateDir, ['logs', 'ui', '--lines', '3']);
    assert.equal(await text.ended, 0);
    assert.deepEqual(linesOf(text), ['two', 'three', 'no end']);
    assert.match(text.stderr(), /1 more of running starts/);
    const json = runClient(t, stateDir, ['logs', 'ui', '--lines', '1', '--json', '--quiet']);
    assert.equal(await json.ended, 0);
    assert.deepEqual(json.events, [{ text: 'no end' }]);
    assert.equal(json.stderr(), '');
  });

  it('follows what is written, also when the file begins anew, until Ctrl-C', async (t) => {
    const { stateDir, file } = prepare(t);
    writeFileSync(file, 'a long first line\nhal');
    const client = runClient(t, stateDir, ['logs', 'ui', '--follow']);
    const shows = (...lines: string[]) =>
      until(`shows ${lines.join()}`, () => linesOf(client).join() === lines.join());
    await shows('a long first line');
    appendFileSync(file, 'f\n');
    await shows('a long first line', 'half');
    writeFileSync(file, 'new\n');
    await shows('a long first line', 'half', 'new');
    client.signal('SIGINT');
    assert.equal(await client.ended, 0);
    const other = runClient(t, stateDir, ['logs', 'ui', '--follow']);
    await other.event('the line', ({ line }) => line === 'new');
    rmSync(file);
    assert.equal(await other.ended, 0);
  });
});

describe('the logs of notebook servers', () => {
  it('are one for each start; those of starts that run are kept, of the others the newest', (t) => {
    const { folder } = prepare(t);
    const running = newUiLog(folder, process.pid);
    writeFileSync(running, '');
    utimesSync(running, 1, 1);
    const over = Array.from({ length: 8 }, (_, index) => newUiLog(folder, NOBODY + index));
    for (const [index, file] of over.entries()) {
      writeFileSync(file, '');
      utimesSync(file, 100 + index, 100 + index);
    }
    const mine = newUiLog(folder, NOBODY + 100);
    const kept = over.filter((file) => existsSync(file));
    assert.deepEqual(kept, over.slice(4));
    assert.ok(existsSync(running) && !existsSync(mine));
    assert.equal(findUiLogs(folder)[0]?.file, over.at(-1));
    assert.deepEqual(findUiLogs(path.join(folder, 'nowhere')), []);
  });
});
