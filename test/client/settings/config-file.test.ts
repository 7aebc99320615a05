// The client's configuration file: where it is, what is refused, and that it is written whole.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { writeConfigFile } from '../../../client/settings/config-file.ts';
import { readSettings } from '../../../client/settings/settings.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { makePlace } from './settings-place.ts';

describe('the configuration file', () => {
  it('is in XDG_CONFIG_HOME, or where DATALAB_CONFIG says', (t) => {
    const { io, home } = makePlace(t, { name: 'usual' });
    mkdirSync(path.join(home, 'xdg/datalab'), { recursive: true });
    writeFileSync(path.join(home, 'xdg/datalab/config.json'), '{"name": "moved"}');
    writeFileSync(path.join(home, 'mine.json'), '\uFEFF{"name": "mine"}');
    const nameWith = (env: Record<string, string>) => readSettings({}, io(env)).name;
    assert.equal(nameWith({}), 'usual');
    assert.equal(nameWith({ XDG_CONFIG_HOME: path.join(home, 'xdg') }), 'moved');
    assert.equal(nameWith({ XDG_CONFIG_HOME: '' }), 'usual');
    assert.equal(nameWith({ XDG_CONFIG_HOME: 'xdg' }), 'usual');
    assert.equal(nameWith({ DATALAB_CONFIG: 'mine.json' }), 'mine');
    assert.throws(() => nameWith({ DATALAB_CONFIG: 'gone.json' }), {
      message: `DATALAB_CONFIG names ${path.join(home, 'gone.json')}, which is not there.`,
    });
  });

  const refused: [content: string, message: string][] = [
    ['{"machine_type": "x"}', ': "machine_type" is no setting. Did you mean machineType?'],
    ['{"__proto__": 1}', ': "__proto__" is no setting. It knows project, zone, apiUrl,'],
    [
      '{\n  "zone": "us-east1-b",\n}',
      ':3:1 is not JSON: Expected double-quoted property name. Mend it, or delete it.',
    ],
    ['{"zone": us-east1-b}', " is not JSON: Unexpected token 'u'"],
    ['', ' is not JSON: Unexpected end of JSON input. Mend it, or delete it.'],
    ['[]', ' must be a JSON object, such as {"project": "my-project"}.'],
    ['null', ' must be a JSON object'],
    [
      '{"zone": ["us-east1-b"]}',
      ': "zone": ["us-east1-b"]: Invalid input: expected string, received array',
    ],
    ['{"spot": 1}', ': "spot": 1: Invalid input: expected boolean, received number'],
  ];
  for (const [content, message] of refused) {
    it(`${JSON.stringify(content)} is refused`, (t) => {
      const { io, configFile } = makePlace(t, content);
      assert.throws(
        () => readSettings({}, io()),
        (error: Error) => {
          assert.equal(error.name, 'ClientError');
          assert.ok(error.message.startsWith(configFile + message), error.message);
          return true;
        },
      );
    });
  }

  it('that is a folder is refused', (t) => {
    const { io, configFile } = makePlace(t);
    mkdirSync(configFile, { recursive: true });
    assert.throws(() => readSettings({}, io()), {
      message: `${configFile} is a folder; it must be a JSON file.`,
    });
  });

  it('that cannot be read is named', (t) => {
    const { io, home } = makePlace(t);
    writeFileSync(path.join(home, '.config/datalab'), '');
    assert.throws(() => readSettings({}, io()), {
      message: /^The configuration file cannot be read: ENOTDIR.*config\.json/,
    });
  });
});

describe('keeping answers', () => {
  it('merges them into what the file has, for its owner alone', (t) => {
    const file = path.join(temporaryFolder(t), 'new/datalab/config.json');
    writeConfigFile(file, { project: 'a-project' });
    assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);
    writeConfigFile(file, { zone: 'us-east1-b' });
    writeConfigFile(file, { project: 'another' });
    assert.equal(
      readFileSync(file, 'utf8'),
      '{\n  "project": "another",\n  "zone": "us-east1-b"\n}\n',
    );
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(path.dirname(file)), ['config.json']);
  });

  it('writes through a link', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(path.join(folder, 'kept.json'), '{"name": "train"}');
    symlinkSync('kept.json', path.join(folder, 'config.json'));
    writeConfigFile(path.join(folder, 'config.json'), { zone: 'us-east1-b' });
    const kept: unknown = JSON.parse(readFileSync(path.join(folder, 'kept.json'), 'utf8'));
    assert.deepEqual(kept, { name: 'train', zone: 'us-east1-b' });
  });

  it('leaves a file alone that it does not understand', (t) => {
    const file = path.join(temporaryFolder(t), 'config.json');
    writeFileSync(file, '{');
    assert.throws(() => {
      writeConfigFile(file, { zone: 'us-east1-b' });
    }, /is not JSON/);
    assert.equal(readFileSync(file, 'utf8'), '{');
  });
});
