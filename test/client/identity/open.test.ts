import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openIdentity, type IdentitySettings } from '../../../client/identity/open.ts';
import { testIo } from '../../helpers/client-io.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const ADC = 'application_default_credentials.json';

/** A machine on which gcloud is, or is not, and has written application default credentials, or has not. */
function machine(t: TestContext, parts: ('gcloud' | 'adc')[]) {
  const folder = temporaryFolder(t);
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  const content = {
    type: 'authorized_user',
    client_id: 'a',
    client_secret: 'b',
    refresh_token: 'c',
  };
  if (parts.includes('gcloud')) writeFileSync(path.join(bin, 'gcloud'), '', { mode: 0o755 });
  if (parts.includes('adc')) writeFileSync(path.join(folder, ADC), JSON.stringify(content));
  writeFileSync(path.join(folder, 'other.json'), JSON.stringify(content));
  const open = (change: Partial<IdentitySettings> = {}) => {
    const settings: IdentitySettings = {
      emulator: false,
      account: undefined,
      credentials: undefined,
      gcloudDir: folder,
      origins: {},
      ...change,
    };
    return openIdentity(
      settings,
      { apiUrl: 'https://api.example' },
      testIo({ env: { PATH: bin } }),
    );
  };
  return { open, other: path.join(folder, 'other.json'), folder };
}

const FROM_GCLOUD = {
  account: 'ann@example.com',
  origins: { account: { kind: 'gcloud', detail: 'default' } },
} as const;
const TYPED = {
  account: 'ann@example.com',
  origins: { account: { kind: 'flag', detail: '--account' } },
} as const;
const LOGIN = 'gcloud auth login ann@example.com';

describe('who one is', () => {
  it('is the file that was asked for, before anything else', async (t) => {
    const { open, other, folder } = machine(t, ['gcloud', 'adc']);
    const { command } = await open({ ...FROM_GCLOUD, credentials: other });
    assert.equal(
      command,
      `gcloud auth application-default login && cp '${folder}/${ADC}' '${other}'`,
    );
  });

  it('is gcloud’s active account next, then application default credentials', async (t) => {
    const both = machine(t, ['gcloud', 'adc']);
    assert.equal((await both.open(FROM_GCLOUD)).command, LOGIN);
    assert.equal((await both.open()).command, 'gcloud auth application-default login');
    const file = machine(t, ['adc']);
    assert.equal((await file.open(FROM_GCLOUD)).command, 'gcloud auth application-default login');
  });

  it('is nobody otherwise: both ways of signing in are named', async (t) => {
    const names = /gcloud auth login, or with: gcloud auth application-default login$/;
    await assert.rejects(machine(t, ['gcloud']).open(), names);
    await assert.rejects(machine(t, []).open(FROM_GCLOUD), names);
  });

  it('is the account that was typed, and never silently another one', async (t) => {
    const { open, other } = machine(t, ['gcloud', 'adc']);
    assert.equal((await open({ ...TYPED, credentials: other })).command, LOGIN);
    await assert.rejects(
      machine(t, ['adc']).open(TYPED),
      /--account ann@example\.com needs gcloud/,
    );
    const origins = {
      ...TYPED.origins,
      credentials: { kind: 'flag', detail: '--credentials' },
    } as const;
    await assert.rejects(open({ ...TYPED, credentials: other, origins }), /give one of them/);
  });

  it('of a service account’s gcloud is renewed with its key', async (t) => {
    const { open } = machine(t, ['gcloud']);
    const account = 'ci@p.iam.gserviceaccount.com';
    assert.match(
      (await open({ ...FROM_GCLOUD, account })).command,
      /activate-service-account ci@p/,
    );
  });
});
