// gcloud's configuration as we read it, against gcloud itself.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import {
  listConfigurations,
  readActiveConfiguration,
} from '../../../client/settings/gcloud-configuration.ts';
import { readSettings } from '../../../client/settings/settings.ts';
import { requireProgram } from '../../helpers/requires.ts';
import { makePlace, type Place } from './settings-place.ts';

const GCLOUD = '/usr/bin/gcloud';
type Listed = Record<string, Record<string, string> | undefined>;

/** `gcloud config list`. */
async function listedBy({ home, gcloudDir }: Place, env: Record<string, string>): Promise<Listed> {
  const own = { PATH: process.env['PATH'], HOME: home, CLOUDSDK_CONFIG: gcloudDir, ...env };
  const args = ['config', 'list', '--format=json'];
  const { stdout } = await promisify(execFile)(GCLOUD, args, { env: own });
  return JSON.parse(stdout) as Listed;
}

// Without active_config gcloud would begin by emptying the default configuration.
const QUIRKS = `# a comment
; and another
[core]
Project = a-project
account:me=you@example.com ; no comment
[compute]
   zone =  europe-west1-b
   region=a
     b

   # not in it
     c
[auth]
credential_file_override = /a=b:c d/100%%
impersonate_service_account =
`;
const [WORK, HOME] = [
  '[core]\nproject=p-work\n',
  '[core]\nproject=p-home\naccount=h@example.com\n',
];

const cases: { title: string; files: Record<string, string>; env?: Record<string, string> }[] = [
  {
    title: 'spaces, comments, capitals, = in a value, values over lines',
    files: { active_config: 'default', default: QUIRKS },
  },
  {
    title: 'carriage returns',
    files: { active_config: 'default', default: QUIRKS.replaceAll('\n', '\r\n') },
  },
  {
    title: 'the one that active_config names',
    files: { active_config: 'work', work: WORK, default: HOME },
  },
  {
    title: 'the one that CLOUDSDK_ACTIVE_CONFIG_NAME names',
    files: { active_config: 'work', work: WORK, home: HOME },
    env: { CLOUDSDK_ACTIVE_CONFIG_NAME: 'home' },
  },
  { title: 'NONE', files: { active_config: 'NONE', NONE: WORK, default: HOME } },
  { title: 'nothing', files: {} },
];

describe('gcloud’s active configuration', { concurrency: 2 }, () => {
  for (const { title, files, env = {} } of cases) {
    it(`is what gcloud takes it for: ${title}`, async (t) => {
      if (!requireProgram(t, GCLOUD)) return;
      const place = makePlace(t, undefined, files);
      // Before gcloud: it mends what it finds.
      const { properties } = readActiveConfiguration(place.gcloudDir, env);
      const listed = await listedBy(place, env);
      const ours = [
        'core/project',
        'core/account',
        'compute/zone',
        'compute/region',
        'auth/credential_file_override',
        'auth/impersonate_service_account',
      ];
      for (const property of ours) {
        const [section = '', key = ''] = property.split('/');
        assert.equal(properties.get(property), listed[section]?.[key], property);
      }
    });
  }

  it('gives way to gcloud’s own variables', async (t) => {
    if (!requireProgram(t, GCLOUD)) return;
    const place = makePlace(t, undefined, { active_config: 'default', default: QUIRKS });
    const env = { CLOUDSDK_CORE_PROJECT: 'p-variable', CLOUDSDK_COMPUTE_ZONE: 'us-east1-b' };
    const { project, zone, account, credentials, origins } = readSettings({}, place.io(env));
    const { core, compute, auth } = await listedBy(place, env);
    assert.deepEqual(
      { project, zone, account, credentials },
      {
        project: core?.['project'],
        zone: compute?.['zone'],
        account: core?.['account'],
        credentials: auth?.['credential_file_override'],
      },
    );
    assert.equal(project, 'p-variable');
    assert.deepEqual(origins.project, { kind: 'gcloud', detail: 'CLOUDSDK_CORE_PROJECT' });
  });

  it('is looked for where CLOUDSDK_CONFIG says', (t) => {
    const there = makePlace(t, undefined, { default: WORK });
    const { project, gcloudDir } = readSettings(
      {},
      makePlace(t).io({ CLOUDSDK_CONFIG: there.gcloudDir }),
    );
    assert.deepEqual({ project, gcloudDir }, { project: 'p-work', gcloudDir: there.gcloudDir });
  });

  it('is the default one when nothing names another', (t) => {
    for (const files of [{}, { active_config: '' }, { active_config: 'WORK!' }]) {
      const { gcloudDir } = makePlace(t, undefined, { ...files, default: HOME });
      const { name, properties } = readActiveConfiguration(gcloudDir, {});
      assert.deepEqual([name, properties.get('core/project')], ['default', 'p-home']);
    }
  });

  it('must exist when it is named', (t) => {
    const { gcloudDir } = makePlace(t, undefined, { active_config: 'gone', default: WORK });
    const list = 'See which there are with: gcloud config configurations list';
    assert.throws(() => readActiveConfiguration(gcloudDir, {}), {
      message: `gcloud has no configuration gone, which ${gcloudDir}/active_config names. ${list}`,
    });
    assert.throws(
      () => readActiveConfiguration(gcloudDir, { CLOUDSDK_ACTIVE_CONFIG_NAME: 'other' }),
      {
        message: `gcloud has no configuration other, which CLOUDSDK_ACTIVE_CONFIG_NAME names. ${list}`,
      },
    );
  });

  for (const text of ['project = a\n', '[core]\nproject\n', '[core]\nproject=a\nproject=b\n']) {
    it(`is refused with its line, as gcloud refuses it: ${JSON.stringify(text)}`, async (t) => {
      if (!requireProgram(t, GCLOUD)) return;
      const place = makePlace(t, undefined, { active_config: 'default', default: text });
      assert.throws(() => readActiveConfiguration(place.gcloudDir, {}), {
        message: /config_default, line [123], is not understood: project/,
      });
      await assert.rejects(listedBy(place, {}));
    });
  }

  it('has others beside it, for choices; one that is broken is left out', (t) => {
    const { gcloudDir } = makePlace(t, undefined, { work: WORK, home: HOME, broken: 'x' });
    assert.deepEqual(
      listConfigurations(gcloudDir).map(({ name }) => name),
      ['home', 'work'],
    );
    assert.deepEqual(listConfigurations('/nowhere'), []);
  });
});
