import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, it } from 'node:test';
import {
  claimStart,
  readAnnouncement,
  type StartKey,
} from '../../../client/session/start-claim.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const MODULE = path.join(import.meta.dirname, '../../../client/session/start-claim.ts');

function keyIn(stateDir: string, folder = '/notebooks'): StartKey {
  return { stateDir, backend: 'emulator', session: 'default', folder };
}

describe('the claim of a session and folder', () => {
  it('is one process’s at a time, and another folder’s is another claim', (t) => {
    const key = keyIn(temporaryFolder(t));
    using claim = claimStart(key);
    assert.ok(claim);
    assert.equal(claimStart(key), undefined);
    using other = claimStart(keyIn(key.stateDir, '/elsewhere'));
    assert.ok(other);
  });

  it('tells others what was announced until it is withdrawn', (t) => {
    const key = keyIn(temporaryFolder(t));
    using claim = claimStart(key);
    assert.equal(readAnnouncement(key), undefined);
    claim?.announce({ url: 'here' });
    assert.deepEqual(readAnnouncement(key), { url: 'here' });
    claim?.withdraw();
    assert.equal(readAnnouncement(key), undefined);
  });

  it('is free again when its holder was killed, and what that announced is gone', async (t) => {
    const key = keyIn(temporaryFolder(t));
    const program = `
      const { claimStart } = await import(${JSON.stringify(MODULE)});
      claimStart(${JSON.stringify(key)}).announce({ url: 'stale' });
      console.log('held');
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    assert.equal(claimStart(key), undefined);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    using claim = claimStart(key);
    assert.ok(claim);
    assert.equal(readAnnouncement(key), undefined);
  });
});
