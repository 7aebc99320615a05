// What each command loads, since that is what it takes to start; times are for `npm run bench`.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { runClient, PROGRAM } from '../helpers/client.ts';
import { ofThem, recordModules } from '../helpers/loaded-modules.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { runIn } from './built.ts';

const HEAVY = ['zod', 'undici', 'ws', 'yaml', 'google-auth-library', '@google-cloud'];
const OTHER_COMMANDS = ['client/relay', 'client/tunnel', 'client/jupyter', 'agent'];

/** What a command must not load, and what it does: that the recorder works. */
const ROWS: readonly { args: readonly string[]; never: readonly string[]; does: string }[] = [
  {
    args: ['--version'],
    never: [...HEAVY, 'commander', 'client/commands'],
    does: 'client/datalab-client.js',
  },
  { args: ['--help'], never: [...HEAVY, 'client/commands', ...OTHER_COMMANDS], does: 'commander' },
  {
    args: ['start', '--help'],
    never: [...HEAVY, 'client/commands', ...OTHER_COMMANDS],
    does: 'commander',
  },
];

/** With the emulator running. Of its own code the client needs how to attach. */
const LIST = {
  never: [
    'ws',
    'yaml',
    'google-auth-library',
    '@google-cloud',
    ...OTHER_COMMANDS,
    'emulator/compute',
    'emulator/runtime',
  ],
  does: 'client/commands',
};

describe('the client', () => {
  for (const { args, never, does } of ROWS) {
    it(`loads little for ${args.join(' ')}`, async (t) => {
      const { urls, exitCode } = await loaded(t, args, temporaryFolder(t));
      assert.equal(exitCode, 0);
      assert.ok(
        urls.some((url) => url.includes(does)),
        'the recorder works',
      );
      assert.deepEqual(ofThem(urls, never), []);
    });
  }

  it('loads no more for list than it takes to ask for it', async (t) => {
    const stateDir = temporaryFolder(t);
    const emulator = runClient(t, stateDir, ['emulator', '--json']);
    await emulator.ready();
    const { urls, exitCode } = await loaded(t, ['list', '--emulator', '--json'], stateDir);
    assert.equal(exitCode, 0);
    assert.ok(
      urls.some((url) => url.includes(LIST.does)),
      'the recorder works',
    );
    assert.deepEqual(ofThem(urls, LIST.never), []);
    emulator.signal('SIGINT');
    await emulator.ended;
  });

  it('tells the same version at once and when the command line is read', () => {
    const version = `${packageJson.version}\n`;
    assert.equal(runIn('/', process.execPath, [PROGRAM, '--version']), version);
    assert.equal(runIn('/', process.execPath, [PROGRAM, '-V']), version);
  });

  it('does without a place for compiled code', async (t) => {
    for (const XDG_CACHE_HOME of ['/proc/nowhere', '/dev/null']) {
      const env = { XDG_CACHE_HOME, NODE_COMPILE_CACHE: '' };
      const client = runClient(t, temporaryFolder(t), ['--help'], env);
      assert.equal(await client.ended, 0);
      assert.equal(client.stderr(), '');
    }
  });
});

async function loaded(t: TestContext, args: readonly string[], stateDir: string) {
  const modules = recordModules(t);
  const client = runClient(t, stateDir, args, modules.env);
  const exitCode = await client.ended;
  return { exitCode, urls: modules.urls() };
}
