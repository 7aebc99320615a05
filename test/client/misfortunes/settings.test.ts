// Settings that are missing or wrong: said before anything is started or called.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { PROJECT, ZONE } from '../../emulator/cloud-fixture.ts';
import { startBackend, type Backend } from '../../helpers/backend.ts';
import { describeMisfortunes, type Misfortune, type Place } from '../../helpers/misfortunes.ts';

function writeConfig({ home }: Place, content: string): void {
  mkdirSync(path.join(home, '.config/datalab'), { recursive: true });
  writeFileSync(path.join(home, '.config/datalab/config.json'), content);
}

/** Not even a folder was made: no emulator, no claim of a start. */
function nothing({ stateDir }: Place): void {
  assert.deepEqual(readdirSync(stateDir), []);
}

const ROWS: Misfortune[] = [
  {
    title: 'no project and no zone, and nobody to ask',
    args: ['start'],
    says: [
      /No project and no zone is set\. Set\n/,
      /\n {2}project: --project, PROJECT_ID, or: gcloud config set project PROJECT\n/,
      /\n {2}zone: {4}--zone, ZONE, or: gcloud config set compute\/zone ZONE\n/,
      /\nor "project" and "zone" in ~\/\.config\/datalab\/config\.json,\n/,
      /--api-url, DATALAB_API_URL/,
      /datalab-client start --emulator/,
    ],
    after: nothing,
  },
  {
    title: 'no zone, and nobody to ask',
    args: ['list'],
    env: { PROJECT_ID: 'a-project' },
    says: [/No zone is set\. Set\n {2}zone: {4}--zone, ZONE, or/, /or "zone" in/],
    saysNot: [/--project/],
    after: nothing,
  },
  {
    title: 'a project of a domain, whose URL does not follow from its name',
    args: ['list', '--project', 'example.com:a-project', '--zone', ZONE],
    says: [/URL of the backend in project example\.com:a-project does not follow/, /--api-url/],
    after: nothing,
  },
  {
    title: 'a configuration file with an unknown key',
    args: ['start', '--emulator'],
    prepare: (place) => {
      writeConfig(place, '{"zone": "europe-west1-b", "machinetype": "e2-standard-8"}');
    },
    says: [
      /\/\.config\/datalab\/config\.json: "machinetype" is no setting\. Did you mean machineType\?/,
    ],
    after: nothing,
  },
  {
    title: 'a configuration file that is no JSON',
    args: ['list'],
    prepare: (place) => {
      writeConfig(place, '{\n  "zone": "europe-west1-b",\n}\n');
    },
    says: [
      /config\.json:3:1 is not JSON: Expected double-quoted property name\. Mend it, or delete it\./,
    ],
    after: nothing,
  },
  {
    title: 'a configuration file with a value of another type',
    args: ['list'],
    prepare: (place) => {
      writeConfig(place, '{"diskSizeGb": "large"}');
    },
    says: [/config\.json: "diskSizeGb": "large": must be a whole number, such as 100/],
    after: nothing,
  },
  {
    title: 'a configuration file that is not there',
    args: ['list'],
    env: { DATALAB_CONFIG: '/nowhere/config.json' },
    says: [/DATALAB_CONFIG names \/nowhere\/config\.json, which is not there/],
    after: nothing,
  },
  {
    title: 'a gcloud configuration that does not exist',
    args: ['list'],
    env: { CLOUDSDK_ACTIVE_CONFIG_NAME: 'work' },
    says: [
      /gcloud has no configuration work, which CLOUDSDK_ACTIVE_CONFIG_NAME names/,
      /gcloud config configurations list/,
    ],
    after: nothing,
  },
  {
    title: 'a URL of the API that would carry tokens in the clear',
    args: ['list', '--api-url', 'http://api.example.com'],
    says: [
      /--api-url http:\/\/api\.example\.com: must begin with https:\/\/, since your tokens go there/,
    ],
    after: nothing,
  },
  {
    title: '--project beside --emulator',
    args: ['start', '--emulator', '--project', 'a-project'],
    says: [/--project and --emulator exclude each other/],
    after: nothing,
  },
  ...wrongFlag('--port', 'http', /Not a port: give a number from 1 to 65535/),
  ...wrongFlag('--name', 'My-Session', /must be 1 to 40 lower-case letters, digits and hyphens/),
  ...wrongFlag('--labels', 'Team=a', /labels\.Team: must be 1 to 63 lower-case letters/),
  ...wrongFlag('--idle-timeout', '5s', /--idle-timeout 5s: must be at least 1 min/),
  ...wrongFlag('--zone', 'moon', /must be the name of a zone, such as europe-west1-b/),
  nowhere(
    'a project that does not exist',
    ['--project', 'nope', '--zone', ZONE],
    [
      /Project nope does not exist, or you may not see it\. It comes from --project\./,
      /gcloud projects list/,
    ],
  ),
  nowhere(
    'a zone that does not exist',
    ['--project', PROJECT, '--zone', 'us-central1-z'],
    [
      /There is no zone us-central1-z for project a-project\. Near it: us-central1-a, us-central1-b/,
      /gcloud compute zones list --project a-project/,
    ],
  ),
];

function wrongFlag(flag: string, value: string, says: RegExp): Misfortune[] {
  const prefix = new RegExp(`^datalab-client: ${flag} ${value}: `);
  return [
    {
      title: `${flag} ${value}`,
      args: ['start', '--emulator', flag, value],
      says: [prefix, says],
      after: nothing,
    },
  ];
}

/** On a whole backend: no session is recorded there, and no instance made. */
function nowhere(title: string, flags: string[], says: RegExp[]): Misfortune {
  let backend: Backend;
  return {
    title,
    prepare: async (_: Place, t: TestContext) => {
      backend = await startBackend(t);
    },
    args: ['start', '--ui', 'none', ...flags],
    env: () => {
      const { urls, credentials } = backend.emulator.ready;
      return {
        DATALAB_API_URL: urls.api,
        DATALAB_COMPUTE_URL: new URL(urls.compute).origin,
        GOOGLE_APPLICATION_CREDENTIALS: credentials,
      };
    },
    says,
    after: async () => {
      assert.deepEqual(await backend.you.ok('GET', '/v1/sessions'), { sessions: [] });
      assert.deepEqual(await backend.google.instances(), []);
    },
  };
}

describeMisfortunes('settings that are missing or wrong', ROWS);
