// What a person sees of every command, at 80 and at 120 columns, kept in screens/ and compared; UPDATE_SCREENS=1 writes
// them anew. To add one: a line in SCREENS. The help of every command is here by itself.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { main } from '../../client/main.ts';
import { GROUPS, VERBS } from '../../client/verbs.ts';
import { NOW, serveFixedApi, type World } from '../helpers/fixed-api.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { openTerminal } from '../helpers/terminal.ts';
import { BUILD_FAILED, building, BUILT, everybodys, EXTENDED, world } from './screens-worlds.ts';

interface Screen {
  /** The command line. */
  line: string;
  /** Default: a handful of sessions. */
  in?: () => World;
  /** Typed at the question. */
  answer?: string;
}

const HELP: [string, Screen][] = ['', ...Object.keys(GROUPS), ...VERBS.map(({ name }) => name)].map(
  (name) => [`help ${name}`.trim().replaceAll(' ', '-'), { line: `${name} --help`.trim() }],
);

const EXTEND = 'image extend --requirements requirements.txt';

const SCREENS: Readonly<Record<string, Screen>> = {
  ...Object.fromEntries(HELP),
  'no-command': { line: '' },
  list: { line: 'list' },
  'list-everybodys': { line: 'list', in: everybodys },
  'list-none': { line: 'list', in: () => world({ sessions: [] }) },
  'list-json': { line: 'list --json', in: () => world({ sessions: world().sessions.slice(0, 1) }) },
  status: { line: 'status --name train' },
  'status-failed': { line: 'status --name big' },
  'status-default': { line: 'status' },
  suspend: { line: 'suspend --name train' },
  'suspend-again': { line: 'suspend --name night' },
  'suspend-refused': { line: 'suspend --name old' },
  stop: { line: 'stop' },
  'stop-again': { line: 'stop --name old' },
  'stop-busy': { line: 'stop --name train', answer: 'y' },
  'stop-busy-no': { line: 'stop --name train', answer: 'n' },
  'stop-busy-unasked': { line: 'stop --name train' },
  'stop-json': { line: 'stop --json' },
  extend: { line: 'extend' },
  'extend-lifetime': { line: 'extend 3h --name train' },
  'extend-bad-time': { line: 'extend 30' },
  'extend-asleep': { line: 'extend --name night' },
  'extend-name': { line: 'extend train' },
  delete: { line: 'delete --name train', answer: 'yes' },
  'delete-no': { line: 'delete --name old', answer: '' },
  'delete-unasked': { line: 'delete --name train' },
  'delete-somebody-elses': {
    line: 'delete --owner ada.lovelace@research.example.com',
    in: everybodys,
    answer: 'n',
  },
  'no-such-session': { line: 'status --name tarin' },
  'no-session': { line: 'status', in: () => world({ sessions: [] }) },
  logs: { line: 'logs --name train' },
  'logs-of-what': { line: 'logs gatewy' },
  'image-status': { line: 'image status' },
  'image-status-extended': { line: 'image status', in: () => world({ image: EXTENDED }) },
  'image-status-failed': { line: 'image status', in: () => world({ image: BUILD_FAILED }) },
  'image-build': { line: 'image build', in: () => building(BUILT) },
  'image-build-again': { line: 'image build' },
  'image-build-logs': { line: 'image build --logs', in: () => building(BUILT) },
  'image-build-extended': {
    line: 'image build --force',
    in: () => world({ image: EXTENDED }),
    answer: 'n',
  },
  'image-build-extended-unasked': {
    line: 'image build --force',
    in: () => world({ image: EXTENDED }),
  },
  'image-build-failed': { line: 'image build', in: () => building(BUILD_FAILED) },
  'image-extend': { line: EXTEND, in: () => building(BUILT) },
  'image-extend-again': { line: EXTEND },
  'image-extend-failed': { line: EXTEND, in: () => building(BUILD_FAILED) },
  'image-extend-nothing': { line: 'image extend' },
  'image-extend-no-file': { line: 'image extend --dockerfile Dockerfle' },
  'mistyped-command': { line: 'lst' },
  'mistyped-flag': { line: 'start --prot 8081' },
  'mistyped-value': { line: 'start --ui proces' },
  'mistyped-json': { line: 'list --jsno --json' },
  'missing-value': { line: 'status --name' },
  'too-many-arguments': { line: 'status train' },
};

// Logs show the times of where the user is.
process.env['TZ'] = 'UTC';

const FOLDER = path.join(import.meta.dirname, 'screens');
const COLUMNS = [80, 120];

async function take(t: TestContext, screen: Screen, columns: number): Promise<string> {
  const api = await serveFixedApi(t, screen.in?.() ?? world());
  const home = temporaryFolder(t);
  const terminal = openTerminal({
    columns,
    now: NOW,
    env: { ...api.env, HOME: home, DATALAB_STATE_DIR: path.join(home, 'state'), TERM: 'xterm' },
    answer: screen.answer,
    replace: [
      [api.url, 'https://api.example'],
      [home, '/home/you'],
    ],
  });
  writeFileSync(path.join(home, 'requirements.txt'), 'scikit-learn==1.7.2\n');
  const io = { ...terminal.io, cwd: home };
  const exitCode = await main(screen.line.split(' ').filter(Boolean), io);
  const seen = await terminal.screen();
  return `--- ${columns} columns\n$ datalab-client ${screen.line}\n${seen}\n--- exit code ${exitCode}\n`;
}

describe('the screen of', () => {
  for (const [name, screen] of Object.entries(SCREENS)) {
    it(name, async (t) => {
      const seen = [];
      for (const columns of COLUMNS) seen.push(await take(t, screen, columns));
      const file = path.join(FOLDER, `${name}.txt`);
      mkdirSync(FOLDER, { recursive: true });
      if (process.env['UPDATE_SCREENS']) writeFileSync(file, seen.join('\n'));
      assert.equal(seen.join('\n'), readFileSync(file, 'utf8'), 'UPDATE_SCREENS=1 writes it anew');
    });
  }

  it('nothing that is not there any more is kept', () => {
    const known = Object.keys(SCREENS).map((name) => `${name}.txt`);
    assert.deepEqual(
      readdirSync(FOLDER).filter((file) => !known.includes(file)),
      [],
    );
  });
});
