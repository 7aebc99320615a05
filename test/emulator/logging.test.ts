// Emulated Cloud Logging: filters, order and pages of entries.list.
import assert from 'node:assert/strict';
import { appendFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openLogEntries } from '../../emulator/logging/entries.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { bashBuild, getBuild, logOf, runBuild, urlOf } from './build-fixture.ts';
import { insert, PROJECT, startCloud, ZONE, type Cloud, type Fields } from './cloud-fixture.ts';

async function list(cloud: Cloud, query: Fields) {
  const body = { resourceNames: [`projects/${PROJECT}`], ...query };
  const reply = await cloud.call('POST', urlOf(cloud, '/v2/entries:list'), body);
  const entries = (reply.body['entries'] ?? []) as { textPayload: string }[];
  const texts = entries.map(({ textPayload }) => textPayload);
  return { status: reply.status, texts, next: reply.body['nextPageToken'], body: reply.body };
}

const LOG_NAME = `projects/${PROJECT}/logs/a-log`;

async function write(cloud: Cloud, change: Fields): Promise<number> {
  const body = { logName: LOG_NAME, resource: { type: 'global' }, ...change };
  return (await cloud.call('POST', urlOf(cloud, '/v2/entries:write'), body)).status;
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

describe('entries.write', () => {
  it('takes what an agent on a machine sends, late or twice, and lists it by time', async (t) => {
    const cloud = await startCloud(t);
    const at = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
    const entry = (timestamp: string, textPayload: string, insertId = textPayload) => ({
      timestamp,
      textPayload,
      insertId,
    });
    const [old, young] = [at(60), at(30)];
    await write(cloud, { entries: [entry(young, 'b'), entry(young, 'a')] });
    await write(cloud, { entries: [entry(old, 'late'), entry(young, 'a')] });
    const filter = `logName="${LOG_NAME}"`;
    assert.deepEqual((await list(cloud, { filter })).texts, ['late', 'a', 'b']);
    const orderBy = 'timestamp desc';
    const first = await list(cloud, { filter, orderBy, pageSize: 2 });
    const second = await list(cloud, { filter, orderBy, pageSize: 2, pageToken: first.next });
    assert.deepEqual([...first.texts, ...second.texts], ['b', 'a', 'late']);
    const since = `${filter} AND receiveTimestamp>"${at(10)}" AND timestamp<"${at(45)}"`;
    assert.deepEqual((await list(cloud, { filter: since })).texts, ['late']);
  });

  it('refuses what Google refuses', async (t) => {
    const cloud = await startCloud(t);
    const future = new Date(Date.now() + 2 * 86_400_000).toISOString();
    const refusals: Fields[] = [
      { entries: [] },
      { entries: [{}] },
      { entries: [{ textPayload: 'x', jsonPayload: {} }] },
      { entries: [{ textPayload: 'x', timestamp: 'now' }] },
      { entries: [{ textPayload: 'x', timestamp: future }] },
      { entries: [{ textPayload: 'x', severity: 'LOUD' }] },
      { entries: [{ textPayload: 'x' }], logName: 'x' },
      { entries: [{ textPayload: 'x' }], resource: {} },
    ];
    for (const body of refusals) assert.equal(await write(cloud, body), 400, JSON.stringify(body));
  });
});

describe('fields of a payload', () => {
  it('are filtered by, in quotes where their names are no words', async (t) => {
    const cloud = await startCloud(t);
    const jsonPayload = { message: { level: 3 }, 'cos.googleapis.com/container_name': 'one' };
    await write(cloud, { entries: [{ jsonPayload }] });
    const matching = [
      'jsonPayload."cos.googleapis.com/container_name"="one"',
      'jsonPayload."cos.googleapis.com/container_name":"ON" AND jsonPayload.message.level="3"',
      'jsonPayload."message".level="3" severity=DEFAULT',
    ];
    const other = [
      'jsonPayload."cos.googleapis.com/container_name"="two"',
      'jsonPayload."cos.googleapis.com"="one"',
      'jsonPayload.other="one"',
    ];
    const counted = async (filter: string) => {
      const { status, body } = await list(cloud, { filter });
      return status === 200 ? ((body['entries'] ?? []) as unknown[]).length : status;
    };
    for (const filter of matching) assert.equal(await counted(filter), 1, filter);
    for (const filter of other) assert.equal(await counted(filter), 0, filter);
    const refused = [
      'jsonPayload.cos.googleapis.com/container_name="one"',
      'jsonPayload. "message"="one"',
      'jsonPayload."message="one"',
      'jsonPayload.""="one"',
      '"jsonPayload".message="one"',
      'payload.message="one"',
    ];
    for (const filter of refused) assert.equal(await counted(filter), 400, filter);
  });
});

describe('containers of an instance', () => {
  it('are logged as Container-Optimized OS does, if its metadata asks for that', async (t) => {
    const cloud = await startCloud(t);
    const startup = { key: 'startup-script', value: '#!/bin/bash\n' };
    const items = [startup, { key: 'google-logging-enabled', value: 'true' }];
    const instance = await insert(cloud, 'with', { metadata: { items } });
    await insert(cloud, 'without');
    for (const { onOutput } of cloud.runtime.boots)
      onOutput?.('a-container', ['a line', '{"event":"registered"}', '{no json']);
    const filter = `logName="projects/${PROJECT}/logs/cos_containers"`;
    const { body } = await list(cloud, { filter });
    const entries = body['entries'] as { jsonPayload: Fields; resource: Fields }[];
    assert.deepEqual(
      entries.map(({ jsonPayload }) => jsonPayload['message']),
      ['a line\n', { event: 'registered' }, '{no json\n'],
    );
    for (const { resource, jsonPayload } of entries) {
      assert.equal(jsonPayload['cos.googleapis.com/container_name'], 'a-container');
      const labels = { instance_id: instance['id'], zone: ZONE, project_id: PROJECT };
      assert.deepEqual(resource, { type: 'gce_instance', labels });
    }
  });
});

describe('entries', () => {
  it('are bounded: what logs without end loses its oldest', (t) => {
    const stateDir = temporaryFolder(t);
    const clock = { now: () => 1_700_000_000_000, after: () => () => undefined };
    const entries = openLogEntries(stateDir, clock, { entries: 100, characters: 100_000 });
    const resource = { type: 'global', labels: {} };
    const write = (textPayload: string) => {
      entries.write({ logName: 'l', resource, textPayload });
    };
    for (let index = 0; index < 250; index += 1) write(String(index));
    assert.ok(entries.all.length <= 100 && entries.all.length > 60, String(entries.all.length));
    assert.equal(entries.all.at(-1)?.textPayload, '249');
    for (let index = 0; index < 50; index += 1) write('x'.repeat(10_000));
    const { size } = statSync(path.join(stateDir, 'logging', 'entries.jsonl'));
    assert.ok(size <= 100_000 && entries.all.length > 5, `${size} bytes`);
    assert.deepEqual(openLogEntries(stateDir, clock).all, entries.all);
  });

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
