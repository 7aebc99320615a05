// Emulated Cloud Logging: filters, order and pages of entries.list.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openLogEntries } from '../../emulator/logging/entries.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { bashBuild, getBuild, logOf, runBuild, urlOf } from './build-fixture.ts';
import { PROJECT, startCloud, type Cloud, type Fields } from './cloud-fixture.ts';

async function list(cloud: Cloud, query: Fields) {
  const body = { resourceNames: [`projects/${PROJECT}`], ...query };
  const reply = await cloud.call('POST', urlOf(cloud, '/v2/entries:list'), body);
  const entries = (reply.body['entries'] ?? []) as { textPayload: string }[];
  const texts = entries.map(({ textPayload }) => textPayload);
  return { status: reply.status, texts, next: reply.body['nextPageToken'], body: reply.body };
}

describe('entries.list', () => {
  it('filters by build, log, time and severity, as gcloud asks', async (t) => {
    const cloud = await startCloud(t);
    const { id } = await runBuild(cloud, bashBuild('echo one'));
    await runBuild(cloud, bashBuild('echo other'));
    const { createTime } = await getBuild(cloud, id);
    const filter =
      `logName="projects/${PROJECT}/logs/cloudbuild" AND resource.type="build" AND ` +
      `timestamp>="${String(createTime)}" AND resource.labels.build_id="${String(id)}"`;
    assert.deepEqual((await list(cloud, { filter })).texts, await logOf(cloud, id));
    assert.ok((await list(cloud, { filter })).texts.includes('Step #0: one'));
    const none = ['severity>=ERROR', 'timestamp<"2020-01-01T00:00:00Z"', 'resource.type="vm"'];
    for (const other of none) assert.deepEqual((await list(cloud, { filter: other })).texts, []);
    const step = 'labels.build_step="Step #0" AND NOT textPayload:"Already"';
    assert.deepEqual((await list(cloud, { filter: step })).texts, [
      'Step #0: one',
      'Step #0: other',
    ]);
  });

  it('goes through pages both ways without a gap, also while entries are written', async (t) => {
    const cloud = await startCloud(t);
    const { id } = await runBuild(cloud, bashBuild('for i in 1 2 3 4 5 6 7; do echo $$i; done'));
    const all = await logOf(cloud, id);
    const filter = `resource.labels.build_id="${String(id)}"`;
    for (const [orderBy, expected] of [
      ['timestamp asc', all],
      ['timestamp desc', all.toReversed()],
    ] as const) {
      const seen: string[] = [];
      let pageToken: unknown = '';
      do {
        const page = await list(cloud, { filter, orderBy, pageSize: 3, pageToken });
        seen.push(...page.texts);
        pageToken = page.next;
        await runBuild(cloud, bashBuild('true'));
      } while (pageToken !== undefined);
      assert.deepEqual(seen, expected);
    }
  });

  it('refuses what it cannot read', async (t) => {
    const cloud = await startCloud(t);
    const refusals = [
      { filter: 'a =' },
      { filter: 'severity>=LOUD' },
      { orderBy: 'insertId' },
      { pageSize: -1 },
      { pageToken: 'x' },
      { resourceNames: [] },
      { order: 'timestamp' },
    ];
    for (const query of refusals) assert.equal((await list(cloud, query)).status, 400);
    assert.equal((await list(cloud, { resourceNames: ['projects/other'] })).status, 403);
  });
});

describe('entries', () => {
  it('have one timestamp each, in order, and survive a line that was half written', (t) => {
    const stateDir = temporaryFolder(t);
    let now = 1_700_000_000_000;
    const clock = { now: () => now, after: () => () => undefined };
    const entry = { logName: 'l', resource: { type: 'build', labels: {} }, severity: 'INFO' };
    const write = (count: number) => {
      const entries = openLogEntries(stateDir, clock);
      for (let index = 0; index < count; index += 1) entries.write({ ...entry, textPayload: 'x' });
      return entries.all.map(({ timestamp }) => timestamp);
    };
    write(2500);
    appendFileSync(path.join(stateDir, 'logging', 'entries.jsonl'), '{"insertId":');
    now -= 10;
    const times = write(10);
    assert.equal(times.length, 2510);
    assert.deepEqual(times, [...new Set(times)].sort());
    now += 31 * 86_400_000;
    assert.equal(write(1).length, 1);
  });
});
