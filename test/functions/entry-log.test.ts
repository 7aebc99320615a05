// Reading logs from the emulated Cloud Logging, whose own rules for filters and order hold: late entries, equal times,
// pages, and what containers' lines look like.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { systemClock } from '../../functions/clock.ts';
import type { LogsResponse } from '../../functions/contract.ts';
import { readEntryLog, type EntryLog } from '../../functions/entry-log.ts';
import { createLogEntries } from '../../functions/google/logging.ts';
import { entryCursor, readCursor } from '../../functions/log-cursor.ts';
import { urlOf } from '../emulator/build-fixture.ts';
import { PROJECT, startCloud, type Fields } from '../emulator/cloud-fixture.ts';
import { createLeapingClock } from '../emulator/leaping-clock.ts';

const NAME = 'datalab-abc-1-gateway';
const LOG: EntryLog = {
  key: 'gateway/42',
  of: { kind: 'container', instanceId: '42', container: NAME },
  since: Date.now() - 3600_000,
};

async function prepare(t: TestContext) {
  const leaping = createLeapingClock();
  const cloud = await startCloud(t, { clock: leaping });
  const authClient = new OAuth2Client({ credentials: { access_token: cloud.token } });
  const auth = () => Promise.resolve(new GoogleAuth({ authClient }));
  const config = { projectId: PROJECT, loggingUrl: urlOf(cloud, ''), callSeconds: 10 };
  const logEntries = createLogEntries(config, auth);
  const clock = { ...systemClock(), now: () => leaping.now() };
  const deps = { logEntries, clock, config: { logSettleSeconds: 5 } };
  return {
    /** Of a container, with these times (ms ago), and all that is younger than the settling time let settle. */
    write: async (
      entries: { ago?: number; payload: Fields; container?: string; id?: string }[],
    ) => {
      const now = leaping.now();
      const body = {
        logName: `projects/${PROJECT}/logs/cos_containers`,
        entries: entries.map(({ ago = 0, payload, container = NAME, id = '42' }) => ({
          resource: { type: 'gce_instance', labels: { instance_id: id, zone: 'z' } },
          timestamp: new Date(now - ago).toISOString(),
          jsonPayload: { 'cos.googleapis.com/container_name': container, ...payload },
        })),
      };
      const { status } = await cloud.call('POST', urlOf(cloud, '/v2/entries:write'), body);
      assert.equal(status, 200);
    },
    settle: () => {
      leaping.leap(6000);
    },
    read: (before?: LogsResponse, limit = 100, log = LOG) =>
      readEntryLog(log, limit, readCursor(before?.next, entryCursor, 'gateway'), deps),
  };
}

const line = (message: string, ago = 0) => ({ ago, payload: { message: `${message}\n` } });
const textsOf = ({ lines }: LogsResponse) => lines.map(({ text }) => text);

describe('a log in Cloud Logging', () => {
  it('answers the last lines of this container alone, in the order of their times', async (t) => {
    const { write, settle, read } = await prepare(t);
    await write([line('c', 1000), line('a', 3000), line('b', 2000)]);
    await write([
      { payload: { message: 'of another' }, container: 'datalab-abc-1-agent' },
      { payload: { message: 'of another' }, id: '43' },
    ]);
    settle();
    assert.deepEqual(textsOf(await read(undefined, 2)), ['b', 'c']);
    assert.deepEqual(textsOf(await read()), ['a', 'b', 'c']);
    assert.match((await read()).lines[0]?.time ?? '', /^\d{4}-.*Z$/);
  });

  it('answers a line that comes late once, whatever its time, and no line twice', async (t) => {
    const { write, settle, read } = await prepare(t);
    await write([line('one', 60_000)]);
    settle();
    const first = await read();
    assert.deepEqual(textsOf(first), ['one']);
    await write([line('three', 1000)]);
    await write([line('two, late', 50_000)]);
    const young = await read(first);
    assert.deepEqual(young.lines, [], 'what has just come may have others behind it');
    settle();
    const second = await read(young);
    assert.deepEqual(textsOf(second), ['two, late', 'three']);
    await write([line('half a minute late', 30_000)]);
    settle();
    const third = await read(second);
    assert.deepEqual(textsOf(third), ['half a minute late']);
    settle();
    assert.deepEqual((await read(third)).lines, []);
  });

  it('is read in pages that leave nothing out, with equal times and new lines meanwhile', async (t) => {
    const { write, settle, read } = await prepare(t);
    settle();
    let page = await read();
    const times = [5000, 5000, 5000, 5000, 5000, 5000, 5000, 4000, 3000, 3000, 3000];
    const expected = times.map((_, index) => `line ${index}`);
    await write(times.map((ago, index) => line(`line ${index}`, ago)));
    settle();
    const seen: string[] = [];
    for (let round = 0; round < 20 && seen.length < 12; round += 1) {
      page = await read(page, 3);
      seen.push(...textsOf(page));
      if (round === 1) await write([line('meanwhile', 4500)]);
      settle();
    }
    assert.deepEqual(seen.toSorted(), [...expected, 'meanwhile'].toSorted());
    assert.equal(seen.at(-1), 'meanwhile', 'it waits for the next look');
  });

  it('of another instance is answered from its beginning', async (t) => {
    const { write, settle, read } = await prepare(t);
    await write([line('first machine')]);
    settle();
    const first = await read();
    await write([{ ago: 60_000, id: '43', container: 'new', payload: { message: 'second' } }]);
    settle();
    const of = { kind: 'container', instanceId: '43', container: 'new' } as const;
    const second = await read(first, 100, { ...LOG, key: 'gateway/43', of });
    assert.deepEqual(textsOf(second), ['second']);
  });

  it('shows lines as text, whatever the agent on the machine has made of them', async (t) => {
    const { write, settle, read } = await prepare(t);
    await write([
      line('\u001b[32mgreen\u001b[0m\ttab\u0007 \u202egnihtyna', 9000),
      { ago: 8000, payload: { message: { event: 'registered', port: 1 } } },
      { ago: 7000, payload: { event: 'merged', _HOSTNAME: 'h', 'cos.googleapis.com/stream': 's' } },
      line(`long ${'x'.repeat(5000)}`, 6000),
      line('[I] http://localhost:8888/tree?token=0123abc&x=1', 5000),
    ]);
    settle();
    const texts = textsOf(await read());
    assert.deepEqual(texts.slice(0, 3), [
      'green tab   gnihtyna',
      '{"event":"registered","port":1}',
      '{"event":"merged"}',
    ]);
    assert.equal(texts[3]?.length, 4000);
    assert.equal(texts[4], '[I] http://localhost:8888/tree?token=...&x=1');
  });

  it('bounds its answers by their size, and goes on where it has stopped', async (t) => {
    const { write, settle, read } = await prepare(t);
    settle();
    let page = await read();
    const long = Array.from({ length: 300 }, (_, index) =>
      line(`${index} ${'x'.repeat(4000)}`, 9000 - index),
    );
    await write(long);
    settle();
    const sizes: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      page = await read(page, 1000);
      sizes.push(page.lines.length);
    }
    assert.deepEqual(sizes, [250, 50, 0]);
  });
});
