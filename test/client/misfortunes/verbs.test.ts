// Bad input and bad luck of the commands that are typed beside `start`: words, terminals, pipes and disks.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it, type TestContext } from 'node:test';
import { PROGRAM, runClient } from '../../helpers/client.ts';
import { serveFixedApi, sessionNamed, type FixedApi } from '../../helpers/fixed-api.ts';
import { describeMisfortunes, type Misfortune } from '../../helpers/misfortunes.ts';
import { requireMount, requireProgram } from '../../helpers/requires.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { world } from '../screens-worlds.ts';

const cleanups: (() => unknown)[] = [];
let api: FixedApi;
let manySessions: FixedApi;

before(async () => {
  const t = { after: (work: () => unknown) => void cleanups.unshift(work) };
  api = await serveFixedApi(t as TestContext, world());
  const sessions = Array.from({ length: 3000 }, (_, index) =>
    sessionNamed(index === 0 ? 'default' : `session-${index}`),
  );
  manySessions = await serveFixedApi(t as TestContext, world({ sessions }));
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

const env = () => api.env;

/** Nothing was asked for that changes anything. */
const nothingChanged = () => {
  const changes = api.calls.filter((call) => !/^GET |\/token$/.test(call));
  assert.deepEqual(changes, []);
};

const ROWS: readonly Misfortune[] = [
  {
    title: 'a mistyped command gets the nearest one',
    args: ['lst'],
    says: [/^datalab-client: unknown command 'lst'\n\(Did you mean list\?\)\n$/],
  },
  {
    title: 'a mistyped command of a group too',
    args: ['image', 'staus'],
    says: [/unknown command 'staus'\n\(Did you mean status\?\)/],
  },
  ...(
    [
      ['start', '--prot', '--port'],
      ['start', '--machine-typ', '--machine-type'],
      ['list', '--jsn', '--json'],
      ['delete', '--yse', '--yes'],
    ] as const
  ).map(([verb, mistyped, nearest]): Misfortune => ({
    title: `${mistyped} of ${verb} gets ${nearest}`,
    args: [verb, mistyped],
    says: [new RegExp(`unknown flag '${mistyped}'\n\\(Did you mean ${nearest}\\?\\)`)],
  })),
  {
    title: 'a value that a flag does not know gets those that it knows',
    args: ['start', '--idle-action', 'sleep'],
    says: [/--idle-action sleep: must be one of: suspend, stop, delete/],
  },
  {
    title: 'a flag before the command is told where it belongs',
    args: ['--name', 'train', 'status'],
    says: [/unknown flag '--name': flags come after the command/],
  },
  {
    title: 'a name as an argument is told about --name',
    args: ['stop', 'train'],
    says: [/chosen with --name/],
  },
  {
    title: 'no session of that name: those that there are',
    args: ['stop', '--name', 'tarin'],
    env,
    says: [/no session named tarin\. You have: default, train, night.*--name/],
    after: nothingChanged,
  },
  {
    title: 'no terminal for the question of delete',
    args: ['delete', '--name', 'train'],
    env,
    says: [/3 kernels, 1 busy, 1 waiting for input.*--yes/],
    after: nothingChanged,
  },
  {
    title: 'no terminal for the question of stop while a kernel is busy',
    args: ['stop', '--name', 'train'],
    env,
    says: [/would lose what it computes: give --yes.*suspend --name train keeps the work/],
    after: nothingChanged,
  },
  {
    title: 'a time that is none',
    args: ['extend', 'tomorrow'],
    env,
    says: [/TIME tomorrow: must be a time such as 45m/],
    after: nothingChanged,
  },
  {
    title: 'a state folder whose parent is a file',
    args: ['list', '--emulator'],
    env: (place) => {
      writeFileSync(path.join(place.home, 'file'), '');
      return { DATALAB_STATE_DIR: path.join(place.home, 'file/state') };
    },
    says: [/ENOTDIR.*Check that our files in .*file\/state can be written.*DATALAB_STATE_DIR/],
  },
];

describeMisfortunes('the commands', ROWS);

describe('the folder of our files', () => {
  it('is on a disk that is full', async (t) => {
    const folder = requireMount(t, 'size=64k');
    if (folder === undefined) return;
    fill(folder);
    await eachFails(
      t,
      path.join(folder, 'state'),
      /(ENOSPC|disk is full).*our files in .*state-of.*that there is room/,
    );
  });

  it('may not be written', async (t) => {
    const folder = requireMount(t, 'ro,size=64k');
    if (folder === undefined) return;
    await eachFails(t, folder, /read-only. Check that our files in/);
  });

  async function eachFails(t: TestContext, folder: string, message: RegExp): Promise<void> {
    const content = temporaryFolder(t);
    await forEach(['list', 'start', 'emulator'], async (verb) => {
      const args = verb === 'emulator' ? [verb] : [verb, '--emulator'];
      const client = runClient(t, path.join(folder, `state-of-${verb}`), args, {
        DATALAB_CONTENT_DIR: content,
      });
      assert.equal(await client.ended, 1, `${verb}: ${client.stderr()}`);
      assert.match(client.stderr(), message);
    });
  }
});

async function forEach(all: readonly string[], work: (one: string) => Promise<void>) {
  await Promise.all(all.map(work));
}

function fill(folder: string): void {
  assert.throws(() => {
    writeFileSync(path.join(folder, 'filling'), Buffer.alloc(1_000_000));
  }, /ENOSPC/);
}

describe('output that cannot be written', () => {
  it('because its reader has gone (head) ends quietly with 0', async (t) => {
    const script = `{ "$@"; echo $? >&3; } | head -n 1`;
    await forEach(['list', 'list --json', 'status', 'start --help'], async (args) => {
      const { stdout, stderr } = await shell(t, script, args, manySessions);
      assert.match(stdout, /^.+\n$/);
      assert.equal(stderr, '0\n', args);
    });
  });

  it('ends a failure quietly too when nobody reads what it would say', async (t) => {
    const { stderr } = await shell(t, `{ "$@" 2>&1; echo $? >&3; } | sleep 0`, 'statsu', api);
    assert.match(stderr, /^[01]\n$/);
  });

  it('because the disk under it is full is an error that is said', async (t) => {
    await forEach(['list', 'list --json', 'start --help', '--version'], async (args) => {
      const { stderr } = await shell(t, `"$@" > /dev/full; echo $? >&3`, args, api);
      assert.match(stderr, /standard output cannot be written: ENOSPC[^\n]*\n1\n$/, args);
    });
  });

  it('because the disk under what goes wrong is full is an error all the same', async (t) => {
    const { stderr } = await shell(t, `"$@" 2> /dev/full; echo $? >&3`, 'statsu', api);
    assert.equal(stderr, '1\n');
  });

  /** The program as `"$@"`; what the script writes to 3 is standard error's. */
  function shell(t: TestContext, script: string, args: string, { env }: FixedApi) {
    const home = temporaryFolder(t);
    mkdirSync(path.join(home, 'state'));
    const words = ['bash', process.execPath, PROGRAM, ...args.split(' ')];
    return runProgram('bash', ['-c', `exec 3>&2; ${script}`, ...words], {
      ...env,
      HOME: home,
      DATALAB_STATE_DIR: `${home}/state`,
    });
  }
});

/** Not spawnSync: the API that it asks is in this process. */
async function runProgram(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  typed?: string,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  if (typed === undefined) child.stdin.end();
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const wasAsked = shown.includes('[y/N]');
    shown += chunk.toString();
    // Not before: a terminal that nobody reads yet would take it for itself.
    if (typed !== undefined && !wasAsked && shown.includes('[y/N]')) child.stdin.write(typed);
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr };
}

describe('a bug', () => {
  /** Thrown where nobody awaits it, once the program listens. */
  const THROWS = `const timer = setInterval(() => {
    if (process.listenerCount('uncaughtException') === 0) return;
    clearInterval(timer);
    throw new Error('out of the blue');
  }, 1);`;

  it('ends with 2, says that it is one, and where', async () => {
    const thrower = `data:text/javascript,${encodeURIComponent(THROWS)}`;
    const args = ['--import', thrower, PROGRAM, 'list'];
    const { status, stderr } = await runProgram(process.execPath, args, api.env);
    assert.equal(status, 2);
    assert.match(stderr, /^This is a bug in datalab-client\.\nError: out of the blue\n {4}at /);
  });
});

describe('a terminal', () => {
  const onTerminal = async (
    t: TestContext,
    args: string,
    more: Record<string, string>,
    typed?: string,
  ) => {
    const home = temporaryFolder(t);
    const line = `stty cols 80 rows 24; exec "${process.execPath}" "${PROGRAM}" ${args}`;
    const { status, stdout } = await runProgram(
      'script',
      ['--quiet', '--return', '--command', line, '/dev/null'],
      { ...api.env, HOME: home, TERM: 'xterm', NO_COLOR: '', ...more },
      typed,
    );
    return { status, screen: stdout };
  };

  it('with NO_COLOR gets no colour, a dumb one no cursor that moves either', async (t) => {
    if (!requireProgram(t, 'script')) return;
    const [coloured, plain, dumbList, dumb] = await Promise.all([
      onTerminal(t, 'list', {}),
      onTerminal(t, 'list', { NO_COLOR: '1' }),
      onTerminal(t, 'list', { TERM: 'dumb' }),
      onTerminal(t, 'extend --name train', { TERM: 'dumb' }),
    ]);
    assert.ok(coloured.screen.includes('\u001b['));
    for (const { screen } of [plain, dumbList, dumb]) {
      assert.ok(!screen.includes('\u001b'), screen);
    }
    assert.match(dumb.screen, /Extend: done/);
  });

  it('that ends at the question ends the command, and nothing was done', async (t) => {
    if (!requireProgram(t, 'script')) return;
    api.calls.length = 0;
    const { status, screen } = await onTerminal(t, 'delete --name train', {}, '\u0004');
    assert.match(screen, /Delete session train \(3 kernels/);
    assert.equal(status, 130);
    nothingChanged();
  });
});
