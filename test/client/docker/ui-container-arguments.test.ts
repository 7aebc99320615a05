import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  runArguments,
  type UiContainerSettings,
} from '../../../client/docker/ui-container-arguments.ts';

const SETTINGS: UiContainerSettings = {
  name: 'datalab-ui-1-aa',
  image: 'datalab-ui:0123',
  engine: {
    name: 'Docker 26.1.5',
    remoteHost: undefined,
    ...{ isVirtual: false, isRootless: false, isRemapped: false, hasSelinux: false },
  },
  person: { uid: 1000, gid: 100 },
  platform: 'linux',
  way: 'socket',
  contentDir: '/home/ann/notebooks',
  runFolder: '/home/ann/state/datalab-1-abcdef',
  volume: 'datalab-ui-1000',
  labels: { 'datalab.ui.client': 'laptop/1' },
};

describe('the command line of the pages’ container', () => {
  it('takes every right away, and gives folder, socket and settings', () => {
    assert.deepEqual(runArguments(SETTINGS), [
      ...['run', '--rm', '--interactive', '--pull=never', '--name=datalab-ui-1-aa'],
      '--label=datalab.ui.client=laptop/1',
      ...['--cap-drop=ALL', '--security-opt=no-new-privileges', '--read-only', '--tmpfs=/tmp'],
      ...['--user=1000:100', '--log-driver=none'],
      '--mount=type=bind,source=/home/ann/notebooks,target=/content',
      '--mount=type=bind,source=/home/ann/state/datalab-1-abcdef,target=/run/datalab',
      '--mount=type=volume,source=datalab-ui-1000,target=/state',
      ...['--network=none', 'datalab-ui:0123'],
      ...['--ServerApp.sock=/run/datalab/ui', '--ServerApp.sock_mode=0600'],
    ]);
  });

  it('publishes a free port on this machine alone where there is no socket', () => {
    const args = runArguments({ ...SETTINGS, way: 'port' });
    const image = args.indexOf('datalab-ui:0123');
    assert.equal(args[image - 1], '--publish=127.0.0.1::8888');
    assert.ok(!args.includes('--network=none'));
    assert.ok(args.slice(image).includes('--ServerApp.port=8888'));
  });

  it('quotes what docker would read otherwise, and leaves SELinux’s labels alone', () => {
    const engine = { ...SETTINGS.engine, hasSelinux: true };
    const args = runArguments({ ...SETTINGS, engine, contentDir: '/a, "b"' });
    assert.ok(args.includes('--mount=type=bind,"source=/a, ""b""",target=/content'));
    assert.ok(args.includes('--security-opt=label=disable'));
  });
});
