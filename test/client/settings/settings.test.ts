// Where each setting's value comes from, and what is refused.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { SETTING_NAMES, type Flags, type SettingName } from '../../../client/flags.ts';
import type { Declaration } from '../../../client/settings/declaration.ts';
import { DECLARATIONS } from '../../../client/settings/declarations.ts';
import { isGivenNow, readSettings, type Settings } from '../../../client/settings/settings.ts';
import { makePlace } from './settings-place.ts';

/** Two values for each: as a text, as JSON where that is natural, and what both are. */
const SAMPLES: Record<SettingName, [text: string, json: unknown, value: unknown]> = {
  project: ['a-project', 'a-project', 'a-project'],
  zone: ['europe-west1-b', 'europe-west1-b', 'europe-west1-b'],
  apiUrl: ['https://api.example.com/x/', 'https://api.example.com/x', 'https://api.example.com/x'],
  account: ['me@example.com', 'me@example.com', 'me@example.com'],
  credentials: ['/keys/me.json', '/keys/me.json', '/keys/me.json'],
  name: ['train', 'train', 'train'],
  machineType: ['n2-highmem-8', 'n2-highmem-8', 'n2-highmem-8'],
  fallbackZones: [
    'us-east1-b, us-east1-c',
    ['us-east1-b', 'us-east1-c'],
    ['us-east1-b', 'us-east1-c'],
  ],
  spot: ['yes', true, true],
  diskSizeGb: ['100', 100, 100],
  image: ['gcr.io/p/image', 'gcr.io/p/image', 'gcr.io/p/image'],
  serviceAccount: [
    'A@p.iam.gserviceaccount.com',
    'a@p.iam.gserviceaccount.com',
    'a@p.iam.gserviceaccount.com',
  ],
  idleTimeout: ['1h30m', 5400, 5400],
  idleAction: ['stop', 'stop', 'stop'],
  maxLifetime: ['2d', 172_800, 172_800],
  labels: [
    'team=a,cost-center=7',
    { team: 'a', 'cost-center': '7' },
    { team: 'a', 'cost-center': '7' },
  ],
  runtime: ['docker', 'docker', 'docker'],
  ui: ['none', 'none', 'none'],
  uiBaseImage: [
    'mirror.example.com/debian:13',
    'mirror.example.com/debian:13',
    'mirror.example.com/debian:13',
  ],
  gatewayPypi: ['none', 'none', 'none'],
  port: ['9000', 9000, 9000],
  browser: ['false', false, false],
  contentDir: ['/notebooks', '/notebooks', '/notebooks'],
  stateDir: ['/state', '/state', '/state'],
  iapUrl: ['wss://iap.example.com/v4', 'wss://iap.example.com/v4', 'wss://iap.example.com/v4'],
  computeUrl: [
    'https://compute.example.com',
    'https://compute.example.com',
    'https://compute.example.com',
  ],
};

function valueOf(settings: Settings, name: SettingName): unknown {
  const { field }: Declaration = DECLARATIONS[name];
  if (field !== undefined) return settings.session[field];
  return (settings as unknown as Record<string, unknown>)[name];
}

describe('a setting', () => {
  for (const name of SETTING_NAMES) {
    const { flag, variables, gcloud }: Declaration = DECLARATIONS[name];
    const [text, json, value] = SAMPLES[name];
    const given = (settings: Settings) => [valueOf(settings, name), settings.origins[name]];

    it(`${name} comes from flag, ${variables.join(', ')}, file and gcloud, in this order`, (t) => {
      const [section, key] = (gcloud ?? '').split('/');
      const configuration =
        gcloud === undefined ? '' : `[${section ?? ''}]\n${key ?? ''} = ${text}\n`;
      const bare = makePlace(t, undefined, { default: configuration });
      const { io, configFile } = makePlace(
        t,
        { [name]: json },
        { default: '[core]\nproject=no\n' },
      );
      if (gcloud !== undefined) {
        const detail = 'gcloud configuration default';
        assert.deepEqual(given(readSettings({}, bare.io())), [value, { kind: 'gcloud', detail }]);
      }
      const file = { kind: 'file', detail: configFile };
      assert.deepEqual(given(readSettings({}, io())), [value, file]);
      // The second variable counts when the first is empty; the first counts before it.
      for (const [index, variable] of variables.entries()) {
        const others = variables.map((other, at) => [other, at < index ? '' : '?'] as const);
        const env = { ...Object.fromEntries(others), [variable]: text };
        const origin = { kind: 'environment', detail: variable };
        assert.deepEqual(given(readSettings({}, io(env))), [value, origin]);
      }
      const empty = Object.fromEntries(variables.map((variable) => [variable, '']));
      assert.deepEqual(given(readSettings({}, io(empty))), [value, file]);
      if (flag === undefined) return;
      const wrong = Object.fromEntries(variables.map((variable) => [variable, '?']));
      const flags: Flags = { [name]: name === 'browser' ? false : name === 'spot' ? true : text };
      const origin = { kind: 'flag', detail: flag };
      assert.deepEqual(given(readSettings(flags, io(wrong))), [value, origin]);
    });
  }

  it('has a default, or is absent', (t) => {
    const { io, home } = makePlace(t);
    const { origins, ...settings } = readSettings({ browser: true }, io());
    assert.deepEqual(settings, {
      emulator: false,
      local: false,
      project: undefined,
      zone: undefined,
      apiUrl: undefined,
      iapUrl: 'wss://tunnel.cloudproxy.app/v4',
      computeUrl: 'https://compute.googleapis.com',
      account: undefined,
      credentials: undefined,
      gcloudDir: path.join(home, '.config/gcloud'),
      stateDir: path.join(home, '.local/state/datalab'),
      contentDir: undefined,
      name: 'default',
      runtime: 'process',
      ui: undefined,
      uiBaseImage: 'debian:trixie-slim',
      gatewayPypi: 'default',
      port: undefined,
      browser: true,
      session: {},
    });
    assert.deepEqual(Object.keys(origins).sort(), [
      'browser',
      'computeUrl',
      'gatewayPypi',
      'iapUrl',
      'name',
      'runtime',
      'stateDir',
      'uiBaseImage',
    ]);
  });

  it('that is a path is relative to where it was said', (t) => {
    const { io, home } = makePlace(t, { contentDir: 'notes', credentials: '~/key.json' });
    const settings = readSettings({}, io({ DATALAB_STATE_DIR: 'state' }));
    assert.equal(settings.contentDir, path.join(home, '.config/datalab/notes'));
    assert.equal(settings.credentials, path.join(home, 'key.json'));
    assert.equal(settings.stateDir, path.join(home, 'state'));
  });

  it('is said now, or was said for every call', (t) => {
    const { io } = makePlace(
      t,
      { machineType: 'n2-highmem-8' },
      { default: '[compute]\nzone=us-east1-b' },
    );
    const settings = readSettings(
      { idleTimeout: '1h' },
      io({ DATALAB_SPOT: 'true', CLOUDSDK_COMPUTE_ZONE: 'us-east1-c' }),
    );
    assert.deepEqual(settings.session, {
      zone: 'us-east1-c',
      machineType: 'n2-highmem-8',
      idleTimeoutSeconds: 3600,
      spot: true,
    });
    const now = (['zone', 'machineType', 'idleTimeoutSeconds', 'spot', 'image'] as const).map(
      (field) => isGivenNow(settings, field),
    );
    assert.deepEqual(now, [false, false, true, true, false]);
  });
});

describe('the URL of the API', () => {
  it('follows from project and zone, unless it is given', (t) => {
    const { io } = makePlace(t);
    const place = { project: 'a-project', zone: 'europe-west1-b' };
    const { apiUrl, origins } = readSettings(place, io());
    assert.equal(apiUrl, 'https://europe-west1-a-project.cloudfunctions.net/api');
    assert.deepEqual(origins.apiUrl, { kind: 'derived', detail: 'derived from project and zone' });
    const given = readSettings({ ...place, apiUrl: 'https://api.example.com' }, io());
    assert.equal(given.apiUrl, 'https://api.example.com');
    assert.equal(
      readSettings({ ...place, project: 'example.com:a-project' }, io()).apiUrl,
      undefined,
    );
  });

  const refused: [string, RegExp][] = [
    ['http://api.example.com', /must begin with https:\/\/, since your tokens go there/],
    ['http://127.0.0.1.example.com', /must begin with https/],
    ['http://0.0.0.0:1', /must begin with https/],
    ['ftp://127.0.0.1', /must begin with https/],
    ['https://me:secret@example.com', /without user/],
    ['https://example.com/?a=b', /without user, query/],
    ['api', /must be a URL/],
  ];
  for (const [url, message] of refused) {
    it(`is refused when it is ${url}`, (t) => {
      assert.throws(() => readSettings({ apiUrl: url }, makePlace(t).io()), message);
    });
  }

  for (const url of [
    'http://127.1.2.3:80',
    'http://localhost:8080/x',
    'http://[::1]:1',
    'https://a.b',
  ]) {
    it(`may be ${url}`, (t) => {
      assert.equal(readSettings({ apiUrl: `${url}//` }, makePlace(t).io()).apiUrl, url);
    });
  }
});

describe('with --emulator', () => {
  it('nothing of a real project counts, but what was said for this machine or this session', (t) => {
    const config = {
      project: 'p-file',
      zone: 'us-east1-b',
      account: 'f@example.com',
      machineType: 'n2-highmem-8',
      port: 9000,
    };
    const { io } = makePlace(t, config, {
      default: '[core]\nproject=p-gcloud\naccount=g@example.com\n',
    });
    const env = {
      PROJECT_ID: 'p-env',
      ZONE: 'us-east1-c',
      DATALAB_API_URL: 'https://api.example.com',
      GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
      DATALAB_IDLE_TIMEOUT: '1h',
    };
    const settings = readSettings({ emulator: true, labels: 'team=a' }, io(env));
    const { project, zone, apiUrl, account, credentials } = settings;
    const ofEmulator = { project, zone, apiUrl, account, credentials };
    for (const [name, value] of Object.entries(ofEmulator)) {
      assert.equal(value, undefined);
      assert.equal(settings.origins[name as SettingName]?.kind, 'emulator');
    }
    assert.deepEqual(settings.session, { idleTimeoutSeconds: 3600, labels: { team: 'a' } });
    assert.equal(settings.port, 9000);
  });

  it('a zone by flag is the instance’s, and somebody else may be the user', (t) => {
    const flags: Flags = { emulator: true, zone: 'us-east1-b', account: 'b@example.com' };
    const settings = readSettings(flags, makePlace(t).io());
    assert.deepEqual(settings.session, { zone: 'us-east1-b' });
    assert.equal(settings.account, 'b@example.com');
  });

  for (const flags of [{ project: 'a-project' }, { apiUrl: 'https://api.example.com' }]) {
    it(`refuses ${Object.keys(flags).join()}`, (t) => {
      assert.throws(() => readSettings({ emulator: true, ...flags }, makePlace(t).io()), {
        name: 'ClientError',
        message: /^--(project|api-url) and --emulator exclude each other/,
      });
    });
  }
});

describe('a wrong value', () => {
  const wrong: [name: SettingName, text: string, message: string][] = [
    ['zone', 'moon', 'must be the name of a zone, such as europe-west1-b'],
    [
      'project',
      'My Project',
      'must be the id of a project, such as my-project-123 (not its name, nor its number)',
    ],
    [
      'project',
      '123456',
      'must be the id of a project, such as my-project-123 (not its name, nor its number)',
    ],
    ['idleTimeout', '5s', 'must be at least 1 min'],
    ['idleTimeout', 'soon', 'must be a length of time, such as 45m, 2h or 1d'],
    ['diskSizeGb', '5', 'must be at least 10'],
    ['diskSizeGb', '1e3', 'must be a whole number, such as 100'],
    [
      'labels',
      'team',
      'must be key=value,key=value with each key once, such as team=forecast,cost-center=7',
    ],
    [
      'labels',
      'a=b,a=c',
      'must be key=value,key=value with each key once, such as team=forecast,cost-center=7',
    ],
    ['labels', 'datalab-a=b', 'labels.datalab-a: must not begin with datalab-: those are reserved'],
    [
      'labels',
      'team=A',
      'labels.team: must be at most 63 lower-case letters, digits, hyphens and underscores',
    ],
    [
      'fallbackZones',
      'us-east1-b,',
      'fallbackZones[1]: must be the name of a zone, such as europe-west1-b',
    ],
    ['spot', 'maybe', 'must be true or false'],
    ['ui', 'docker', 'must be container, process or none'],
    ['port', '0', 'Not a port: give a number from 1 to 65535.'],
    ['port', 'x', 'Not a port: give a number from 1 to 65535.'],
    ['credentials', '', 'must be the path of a file or folder'],
  ];
  for (const [name, text, message] of wrong) {
    it(`${name} ${text || '(empty)'} is refused with its flag, its variable or its key`, (t) => {
      const { flag = '', variables }: Declaration = DECLARATIONS[name];
      const place = makePlace(t, { [name]: text });
      const said = (flags: Flags, env?: Record<string, string>) => {
        assert.throws(() => readSettings(flags, place.io(env)), {
          name: 'ClientError',
          message: `${prefix}: ${message}`,
        });
      };
      let prefix = `${flag} ${text}`;
      said({ [name]: text });
      prefix = `${variables[0]}=${text}`;
      if (text) said({}, { [variables[0]]: text });
      prefix = `${place.configFile}: "${name}": ${JSON.stringify(text)}`;
      said({});
    });
  }

  it('of gcloud is named as such', (t) => {
    const { io } = makePlace(t, undefined, { default: '[compute]\nzone = moon\n' });
    assert.throws(() => readSettings({}, io()), {
      message: /^gcloud configuration default: compute\/zone moon: must be/,
    });
    assert.throws(() => readSettings({}, io({ CLOUDSDK_COMPUTE_ZONE: 'sun' })), {
      message: /^CLOUDSDK_COMPUTE_ZONE=sun: must be/,
    });
  });
});

describe('with --local', () => {
  it('what is about a VM does not count; the project and credentials do, since they are one’s own', (t) => {
    const config = { project: 'p-file', zone: 'us-east1-b', machineType: 'n2-highmem-8' };
    const { io } = makePlace(t, { ...config, image: 'gcr.io/p/image', name: 'train' });
    const env = {
      ZONE: 'us-east1-c',
      DATALAB_API_URL: 'https://api.example.com',
      GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
      DATALAB_IDLE_TIMEOUT: '1h',
    };
    const settings = readSettings({ local: true }, io(env));
    const { project, zone, apiUrl, credentials, name, local } = settings;
    assert.deepEqual(
      { project, zone, apiUrl, credentials, name, local },
      {
        ...{ project: 'p-file', zone: undefined, apiUrl: undefined },
        ...{ credentials: '/key.json', name: 'default', local: true },
      },
    );
    assert.deepEqual(settings.session, { idleTimeoutSeconds: 3600 });
    assert.equal(settings.origins.machineType?.kind, 'local');
  });

  for (const flags of [{ machineType: 'n2-highmem-8' }, { zone: 'us-east1-b' }, { spot: true }]) {
    it(`refuses ${Object.keys(flags).join()}`, (t) => {
      assert.throws(() => readSettings({ local: true, ...flags }, makePlace(t).io()), {
        name: 'ClientError',
        message: /^--[-a-z]+ and --local exclude each other: there is no VM/,
      });
    });
  }

  it('refuses --emulator', (t) => {
    assert.throws(() => readSettings({ local: true, emulator: true }, makePlace(t).io()), {
      name: 'ClientError',
      message: /^--emulator and --local exclude each other/,
    });
  });
});
