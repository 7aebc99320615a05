// What the commands do beside printing: what they ask the API for, and what they leave alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runMain } from '../helpers/run-main.ts';
import { building, BUILT, everybodys, EXTENDED, world } from './screens-worlds.ts';

const changes = (calls: readonly string[]) =>
  calls.filter((call) => !call.startsWith('GET') && !call.endsWith('/token'));

describe('stop', () => {
  it('stops no busy session of somebody who cannot be asked, unless they said --yes', async (t) => {
    const refused = await runMain(t, ['stop', '--name', 'train'], world());
    assert.deepEqual(changes(refused.api.calls), []);
    const agreed = await runMain(t, ['stop', '--name', 'train', '--yes'], world());
    assert.deepEqual(changes(agreed.api.calls), ['POST /v1/sessions/s-train:stop']);
  });

  it('asks nothing where nothing is computing', async (t) => {
    const { exitCode, api } = await runMain(t, ['stop'], world());
    assert.equal(exitCode, 0);
    assert.deepEqual(changes(api.calls), ['POST /v1/sessions/s-default:stop']);
  });

  it('asks about a computation that is frozen in a suspended session', async (t) => {
    const sessions = world().sessions.map((one) =>
      one.name === 'train' ? { ...one, state: 'SUSPENDED' as const } : one,
    );
    const { stderr, api } = await runMain(t, ['stop', '--name', 'train'], world({ sessions }));
    assert.match(stderr, /1 busy/);
    assert.deepEqual(changes(api.calls), []);
  });
});

describe('delete', () => {
  it('touches nothing without consent, and nobody else’s session without their name', async (t) => {
    const unasked = await runMain(t, ['delete'], world());
    assert.deepEqual(changes(unasked.api.calls), []);
    const others = await runMain(t, ['delete', '--yes', '--name', 'gone'], everybodys());
    assert.deepEqual(changes(others.api.calls), []);
    const own = await runMain(t, ['delete', '--yes'], everybodys());
    assert.deepEqual(changes(own.api.calls), ['DELETE /v1/sessions/s-default']);
  });
});

describe('a command that waits', () => {
  it('says at Ctrl-C that what it has asked for goes on', async (t) => {
    for (const [args, message] of [
      [['suspend', '--name', 'train'], /goes on without you; see: .*status --name train\n$/],
      [['image', 'build'], /The build goes on without you/],
    ] as const) {
      const stop = new AbortController();
      const run = await runMain(t, args, building(BUILT), ({ calls }) => ({
        interrupt: stop.signal,
        // At the first sign of the change being under way.
        elapsed: () => {
          if (changes(calls).length > 0) stop.abort();
          return 0;
        },
        isTerminal: true,
      }));
      assert.equal(run.exitCode, 130);
      assert.match(run.stderr, message);
    }
  });
});

describe('image build', () => {
  it('replaces no image that is there unless it is told to', async (t) => {
    const there = await runMain(t, ['image', 'build'], world());
    assert.equal(there.exitCode, 0);
    assert.match(there.stdout, /is there already; --force/);
  });

  it('puts the plain image in place of an extended one only with consent', async (t) => {
    const extended = { ...building(BUILT), image: EXTENDED };
    const unasked = await runMain(t, ['image', 'build', '--force'], world({ image: EXTENDED }));
    assert.equal(unasked.exitCode, 1);
    assert.match(unasked.stderr, /give --yes/);
    assert.deepEqual(changes(unasked.api.calls), []);
    for (const [args, image] of [
      [['--force', '--yes'], extended],
      [['--force'], building(BUILT)],
    ] as const) {
      const run = await runMain(t, ['image', 'build', ...args], image);
      assert.equal(run.exitCode, 0, run.stderr);
      assert.deepEqual(changes(run.api.calls), ['POST /v1/image:build']);
    }
  });

  it('shows its log with --follow too, as it was called at first', async (t) => {
    const [one, other] = await Promise.all(
      ['--logs', '--follow'].map((flag) => runMain(t, ['image', 'build', flag], building(BUILT))),
    );
    assert.match(one?.stdout ?? '', /RUN pip install/);
    assert.equal(other?.stdout, one?.stdout);
  });

  it('waits for a build whose log cannot be read', async (t) => {
    const { builds, ...rest } = building(BUILT);
    const run = await runMain(t, ['image', 'build', '--logs'], {
      ...rest,
      ...(builds ? { builds } : {}),
      buildLog: undefined,
    });
    assert.equal(run.exitCode, 0, run.stderr);
    assert.match(run.stderr, /log of the build cannot be read/);
    assert.match(run.stdout, /is built/);
  });
});

describe('colour', () => {
  const coloured = async (t: Parameters<typeof runMain>[0], env: Record<string, string>) => {
    const io = { outputColumns: 80, columns: 80, isTerminal: true, env };
    return (await runMain(t, ['list'], world(), () => io)).stdout.includes('\u001b[');
  };

  it('is a terminal’s only, and never with NO_COLOR or on a dumb one', async (t) => {
    assert.equal(await coloured(t, {}), true);
    assert.equal(await coloured(t, { NO_COLOR: '1' }), false);
    assert.equal(await coloured(t, { TERM: 'dumb' }), false);
    assert.equal((await runMain(t, ['list'], world())).stdout.includes('\u001b'), false);
  });
});
