// How a local session's containers are run, and what they find: command lines and files, without an engine.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Engine } from '../../../client/docker/engine-info.ts';
import { agentArguments, gatewayArguments } from '../../../client/local/container-arguments.ts';
import { placeOf } from '../../../client/local/place.ts';
import { accessTokenOf, gatewayConfiguration, prepare } from '../../../client/local/prepare.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const ENGINE: Engine = {
  ...{ name: 'Docker 20.10', remoteHost: undefined, isVirtual: false },
  ...{ isRootless: false, isRemapped: false, hasSelinux: false },
};
const MACHINE = {
  ...{ engine: ENGINE, person: { uid: 1000, gid: 1000 } },
  ...{ login: 'ada', platform: 'linux' },
};
const PLACE = placeOf('/home/ada/.local/state/datalab', 'notebooks-1a2b3c');
const GATEWAY = {
  ...{ image: 'datalab-gateway:1', contentDir: '/home/ada/my "notebooks", all' },
  ...{ gcloudDir: undefined, credentials: undefined, project: undefined, folderId: '1:2' },
};

describe('the gateway’s container', () => {
  const args = gatewayArguments(PLACE, MACHINE, GATEWAY);

  it('is the user’s, publishes nothing, and does not come back after a reboot', () => {
    assert.ok(args.includes('--user=1000:1000'));
    assert.ok(!args.some((one) => one.startsWith('--publish')));
    assert.ok(args.includes('--restart=on-failure:5'));
    assert.equal(args.at(-1), 'datalab-gateway:1');
  });

  it('has the notebooks where notebook sessions say that they are', () => {
    const mount = args.find((one) => one.includes('notebooks"", all'));
    assert.match(
      mount ?? '',
      /^--mount=type=bind,"source=.*",target=\/work\/my-notebooks-all-\w+$/,
    );
  });

  it('gets gcloud’s folder and a credential file to read, and no more than there is', () => {
    assert.ok(!args.join(' ').includes('CLOUDSDK'));
    const given = gatewayArguments(PLACE, MACHINE, {
      ...{ ...GATEWAY, gcloudDir: '/home/ada/.config/gcloud' },
      ...{ credentials: '/keys/me.json', project: 'a-project' },
    });
    assert.ok(given.includes('--env=CLOUDSDK_CONFIG=/gcloud'));
    assert.ok(given.includes('--env=GOOGLE_CLOUD_PROJECT=a-project'));
    for (const source of ['/home/ada/.config/gcloud', '/keys/me.json']) {
      const mount = given.find((one) => one.includes(`source=${source},`));
      assert.match(mount ?? '', /,readonly$/);
    }
  });

  it('bears another label when anything about it is another', () => {
    const labelOf = (words: string[]) => words.find((one) => one.includes('local.arguments'));
    const other = gatewayArguments(PLACE, MACHINE, { ...GATEWAY, image: 'datalab-gateway:2' });
    assert.notEqual(labelOf(args), labelOf(other));
    assert.equal(labelOf(args), labelOf(gatewayArguments(PLACE, MACHINE, GATEWAY)));
  });
});

describe('the agent’s container', () => {
  it('listens on loopback alone, and has no rights, no disk and no secret in its arguments', (t) => {
    const place = placeOf(temporaryFolder(t), 'train');
    prepare(place, '/notebooks');
    const args = agentArguments(place, MACHINE, { image: 'a', idleTimeoutSeconds: 7200 });
    assert.deepEqual(
      args.filter((one) => one.startsWith('--publish')),
      ['--publish=127.0.0.1::8888'],
    );
    for (const one of ['--cap-drop=ALL', '--read-only', '--env=IDLE_SECONDS=7200']) {
      assert.ok(args.includes(one), one);
    }
    assert.ok(!args.join(' ').includes(accessTokenOf(place) ?? 'none'));
  });

  it('ends nothing by itself unless it was told when', () => {
    const args = agentArguments(PLACE, MACHINE, { image: 'a', idleTimeoutSeconds: undefined });
    assert.ok(!args.join(' ').includes('IDLE_SECONDS'));
  });
});

describe('what is prepared for them', () => {
  it('is the owner’s alone, and stays what it was when it is prepared again', (t) => {
    const place = placeOf(temporaryFolder(t), 'train');
    prepare(place, '/notebooks');
    const [token, configuration] = [accessTokenOf(place), readFileSync(place.configFile, 'utf8')];
    assert.match(token ?? '', /^[0-9a-f]{64}$/);
    for (const file of ['access-token', 'gateway-token']) {
      assert.equal(statSync(path.join(place.secretsDir, file)).mode & 0o777, 0o600);
    }
    assert.equal(statSync(place.configFile).mode & 0o777, 0o600);
    prepare(place, '/notebooks');
    assert.equal(accessTokenOf(place), token);
    assert.equal(readFileSync(place.configFile, 'utf8'), configuration);
  });

  it('is for Jupyter what vm-startup.sh writes on an instance', () => {
    const script = path.join(import.meta.dirname, '../../../docker/gateway/vm-startup.sh');
    const [, text = ''] = /<<END\n(.*?)\nEND\n/s.exec(readFileSync(script, 'utf8')) ?? [];
    assert.deepEqual(JSON.parse(gatewayConfiguration('$token')), JSON.parse(text));
  });
});
