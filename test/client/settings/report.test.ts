// `status --settings`, as it is shown.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { SETTING_NAMES } from '../../../client/flags.ts';
import { main } from '../../../client/main.ts';
import { converse, makePlace } from './settings-place.ts';

const GCLOUD = { default: '[core]\nproject = a-project\naccount = you@example.com\n' };

describe('status --settings', () => {
  it('shows each setting, its value and where it comes from', async (t) => {
    const config = {
      labels: { team: 'a', cost: '7' },
      fallbackZones: ['us-east1-c', 'us-east1-d'],
      stateDir: '/s',
    };
    const place = makePlace(t, config, GCLOUD);
    const talk = converse(place, { DATALAB_SPOT: 'yes', DATALAB_IDLE_TIMEOUT: '2h' });
    assert.equal(await main(['status', '--settings', '--zone', 'us-east1-b'], talk.io), 0);
    const expected = `
project         a-project                           gcloud configuration default
zone            us-east1-b                          --zone
apiUrl          https://us-east1-a-project.cloudfunctions.net/api
                  derived from project and zone
account         you@example.com                     gcloud configuration default
credentials     -                                   not set
name            default                             default
machineType     -                                   default: the backend’s
fallbackZones   us-east1-c,us-east1-d               CONFIG
spot            true                                DATALAB_SPOT
diskSizeGb      -                                   default: the backend’s
image           -                                   default: the backend’s
serviceAccount  -                                   default: the backend’s
idleTimeout     7200 s                              DATALAB_IDLE_TIMEOUT
idleAction      -                                   default: the backend’s
maxLifetime     -                                   default: the backend’s
labels          team=a,cost=7                       CONFIG
runtime         process                             default
ui              -                                   default: container if Docker runs here
uiBaseImage     debian:trixie-slim                  default
gatewayPypi     default                             default
port            -                                   default: 8081, or the next free one
browser         true                                default
contentDir      -                                   default: the current folder
stateDir        /s                                  CONFIG
iapUrl          wss://tunnel.cloudproxy.app/v4      default
computeUrl      https://compute.googleapis.com      default
`;
    assert.equal(`\n${talk.stdout().replaceAll(place.configFile, 'CONFIG')}`, expected);
    assert.equal(talk.stderr(), '');
  });

  it('fits a narrow terminal: a source goes below its value', async (t) => {
    const place = makePlace(t, undefined, GCLOUD);
    const talk = converse(place);
    await main(['status', '--settings'], { ...talk.io, outputColumns: 60 });
    for (const line of talk.stdout().split('\n'))
      assert.ok(line.length <= 60 || line.includes(place.home), line);
  });

  it('with --json is an object a line', async (t) => {
    const talk = converse(makePlace(t), { ZONE: 'us-east1-b', DATALAB_PORT: '9000' });
    assert.equal(await main(['status', '--settings', '--json'], talk.io), 0);
    const lines = talk
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { setting: string });
    assert.deepEqual(
      lines.map(({ setting }) => setting),
      SETTING_NAMES,
    );
    const of = (name: string) => lines.find(({ setting }) => setting === name);
    assert.deepEqual(of('zone'), {
      setting: 'zone',
      value: 'us-east1-b',
      source: { kind: 'environment', detail: 'ZONE' },
    });
    assert.deepEqual(of('port'), {
      setting: 'port',
      value: 9000,
      source: { kind: 'environment', detail: 'DATALAB_PORT' },
    });
    assert.deepEqual(of('project'), {
      setting: 'project',
      value: null,
      source: { kind: 'none', detail: 'not set' },
    });
  });

  it('with --emulator names the emulator, and calls none', async (t) => {
    const talk = converse(makePlace(t), {
      PROJECT_ID: 'a-project',
      DATALAB_STATE_DIR: path.join('/nowhere'),
    });
    assert.equal(await main(['status', '--settings', '--emulator'], talk.io), 0);
    assert.match(talk.stdout(), /^project +- +emulator\nzone +- +emulator\napiUrl +- +emulator\n/);
  });

  it('warns of variables that nothing reads', async (t) => {
    const env = {
      DATALAB_IDLE: 'x',
      DATALAB_MACHINETYPE: 'x',
      DATALAB_SOMETHING_ELSE: 'x',
      DATALAB_FUNCTIONS_ZONE: 'x',
      DATALAB_EMULATOR_NODE: 'x',
      DATALAB_UI_SERVER: 'x',
      DATALAB_CONFIG: '',
    };
    const talk = converse(makePlace(t), env);
    assert.equal(await main(['status', '--settings'], talk.io), 0);
    assert.equal(
      talk.stderr(),
      'DATALAB_IDLE is no variable of this program. Did you mean DATALAB_IDLE_TIMEOUT?\n' +
        'DATALAB_MACHINETYPE is no variable of this program. Did you mean DATALAB_MACHINE_TYPE?\n' +
        'DATALAB_SOMETHING_ELSE is no variable of this program.\n',
    );
  });
});
