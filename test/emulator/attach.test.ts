// Who may use an emulator, and when it ends: one per state folder, the last client ends it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { EmulatorRunningError } from '../../emulator/attach.ts';
import { attachToEmulator, type Attachment } from '../../emulator/attachment.ts';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { insert, request, startCloud } from './cloud-fixture.ts';

async function attach(stateDir: string): Promise<Attachment> {
  const attachment = await attachToEmulator(stateDir);
  assert.ok(attachment, 'no emulator runs');
  return attachment;
}

describe('attaching to an emulator', () => {
  it('finds none where none runs', async (t) => {
    assert.equal(await attachToEmulator(path.join(temporaryFolder(t), 'new')), undefined);
  });

  it('is told the same as the emulator’s own user', async (t) => {
    const cloud = await startCloud(t);
    const attachment = await attach(cloud.stateDir);
    assert.deepEqual(await attachment.ready, cloud.emulator.ready);
    await attachment.detach();
  });

  it('waits for an emulator that is just starting, and hears why it cannot', async (t) => {
    const stateDir = temporaryFolder(t);
    const source = path.join(import.meta.dirname, 'echo-runtime.ts');
    const failing = startCloud(t, { stateDir, functions: { source } });
    const attachment = await until('the lock is taken', () => attachToEmulator(stateDir));
    await assert.rejects(failing, /did not start/);
    await assert.rejects(attachment.ready, /The functions did not start/);
    await attachment.ended;
  });

  it('allows one emulator per state folder', async (t) => {
    const cloud = await startCloud(t);
    await assert.rejects(startCloud(t, { stateDir: cloud.stateDir }), (error) => {
      assert.ok(error instanceof EmulatorRunningError);
      assert.match(error.message, /datalab-client start --emulator/);
      return true;
    });
  });

  it('ends the emulator with the last client, which hears when everything is dead', async (t) => {
    const cloud = await startCloud(t, { staysWithoutClients: false });
    const [first, second] = [await attach(cloud.stateDir), await attach(cloud.stateDir)];
    await Promise.all([first.ready, second.ready]);
    await insert(cloud, 'one');
    await first.detach();
    assert.equal((await cloud.instance('one'))['status'], 'RUNNING');
    await second.detach();
    assert.equal(await attachToEmulator(cloud.stateDir), undefined);
    await assert.rejects(cloud.instance('one'));
    await cloud.emulator.ended;
  });

  it('keeps an emulator that was started for its own sake', async (t) => {
    const cloud = await startCloud(t);
    await (await attach(cloud.stateDir)).detach();
    assert.equal((await cloud.call('GET', '/zones')).status, 200);
  });

  it('ends an emulator to which nobody came', async (t) => {
    const durations = { ...NO_DURATIONS, attachMilliseconds: 50 };
    const cloud = await startCloud(t, { staysWithoutClients: false, durations });
    await cloud.emulator.ended;
  });

  it('lets its clients know when it is ended from elsewhere', async (t) => {
    const cloud = await startCloud(t);
    const attachment = await attach(cloud.stateDir);
    const { control } = cloud.emulator.ready.urls;
    const { body } = await request('GET', control);
    assert.equal(body['clients'], 1);
    assert.equal((await request('POST', `${control}/end`)).status, 202);
    await attachment.ended;
    await cloud.emulator.ended;
  });
});
