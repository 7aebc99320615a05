// Google's gcloud reads what containers on an instance have printed, and writes, against emulated Cloud Logging.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { insert, PROJECT, startCloud, type Fields } from '../emulator/cloud-fixture.ts';
import { requireProgram } from '../helpers/requires.ts';
import { gcloudOf } from './gcloud.ts';

const ITEMS = [
  { key: 'startup-script', value: '#!/bin/bash\n' },
  { key: 'google-logging-enabled', value: 'true' },
];

describe('gcloud logging against the emulator', () => {
  it('reads the lines of one container of one instance, and those that it has written', async (t) => {
    if (!requireProgram(t, 'gcloud')) return;
    const cloud = await startCloud(t);
    const gcloud = gcloudOf(t, cloud, 'logging');
    const instance = await insert(cloud, 'one', { metadata: { items: ITEMS } });
    const boot = cloud.runtime.boots[0] ?? assert.fail();
    boot.onOutput?.('one-gateway', ['Jupyter Server is running', 'and runs']);
    boot.onOutput?.('one-agent', ['{"event":"registered"}']);
    const filter =
      `resource.type="gce_instance" AND resource.labels.instance_id="${String(instance['id'])}" AND ` +
      'jsonPayload."cos.googleapis.com/container_name"="one-gateway"';
    const found = await gcloud.json('read', filter, '--order=asc');
    assert.deepEqual(
      found.map(({ jsonPayload }) => (jsonPayload as Fields)['message']),
      ['Jupyter Server is running\n', 'and runs\n'],
    );
    const args = ['a-log', '{"a": 1}', '--payload-type=json', '--severity=ERROR'];
    const { status, stderr } = await gcloud.run('write', ...args);
    assert.equal(status, 0, stderr);
    const [written] = await gcloud.json('read', 'severity>=ERROR', '--limit=1');
    assert.deepEqual(written?.['jsonPayload'], { a: 1 });
    assert.equal(written['logName'], `projects/${PROJECT}/logs/a-log`);
    const refused = await gcloud.run('read', 'payload.x="1"');
    assert.match(refused.stderr, /INVALID_ARGUMENT: Unparseable filter/);
  });
});
