// A UI server that ends by itself, here one that ends when the test says so.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keepUiServer } from '../../client/jupyter/kept-ui.ts';
import type { UiServer, UiServerEnd } from '../../client/jupyter/ui-answers.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/until.ts';

interface Started {
  server: UiServer;
  end: (code: number) => void;
}

function world(fails: (start: number) => boolean = () => false) {
  const clock = new ManualClock();
  const servers: Started[] = [];
  const restarts: number[] = [];
  let starts = 0;
  const start = (signal: AbortSignal): Promise<UiServer> => {
    signal.throwIfAborted();
    starts += 1;
    if (fails(starts)) return Promise.reject(new Error(`start ${starts} failed`));
    const { promise: ended, resolve } = Promise.withResolvers<UiServerEnd>();
    const end = (code: number) => {
      resolve({ code, lastLines: `end ${code}` });
    };
    const server: UiServer = {
      ...{
        address: { socketPath: `/socket-${starts}` },
        startPath: '/lab',
        logFile: '/log',
        ended,
      },
      stop: () => {
        end(0);
        return Promise.resolve();
      },
    };
    servers.push({ server, end });
    return Promise.resolve(server);
  };
  const kept = {
    ...{ start, clock, elapsed: () => clock.now() },
    onRestart: ({ code }: UiServerEnd) => restarts.push(code),
  };
  return { kept, clock, servers, restarts, starts: () => starts };
}

const NEVER = new AbortController().signal;

describe('a UI server that ends by itself', () => {
  it('is started again, where it then answers', async () => {
    const { kept, servers, restarts } = world();
    const server = await keepUiServer(kept, NEVER);
    assert.deepEqual(server.address, { socketPath: '/socket-1' });
    servers[0]?.end(137);
    await until('it is back', () => restarts.length === 1);
    assert.deepEqual(restarts, [137]);
    assert.deepEqual(server.address, { socketPath: '/socket-2' });
    await server.stop();
    assert.equal((await server.ended).code, 0);
    assert.equal(servers.length, 2);
  });

  it('is given up when it ends a fourth time within a minute', async () => {
    const { kept, clock, servers, restarts } = world();
    const server = await keepUiServer(kept, NEVER);
    for (const round of [0, 1, 2]) {
      clock.advance(10_000);
      servers[round]?.end(round + 1);
      await until('it is back', () => restarts.length === round + 1);
    }
    servers[3]?.end(4);
    assert.deepEqual(await server.ended, { code: 4, lastLines: 'end 4' });
    assert.equal(servers.length, 4);
  });

  it('is started again for ever when it ends seldom', async () => {
    const { kept, clock, servers, restarts } = world();
    const server = await keepUiServer(kept, NEVER);
    for (let round = 0; round < 10; round += 1) {
      clock.advance(30_000);
      servers[round]?.end(1);
      await until('it is back', () => restarts.length === round + 1);
    }
    await server.stop();
    assert.equal(servers.length, 11);
  });

  it('is tried again when a start fails, and its end then says why', async () => {
    const { kept, clock, servers, starts } = world((start) => start > 1);
    const server = await keepUiServer(kept, NEVER);
    let end: UiServerEnd | undefined;
    void server.ended.then((how) => (end = how));
    servers[0]?.end(137);
    await until('it is given up', () => {
      clock.advance(1_000);
      return end !== undefined;
    });
    assert.deepEqual(end, { code: 137, lastLines: 'start 4 failed' });
    assert.equal(starts(), 4);
    assert.ok(clock.now() >= 25_000, 'an engine that starts again has time for it');
  });

  it('is not waited for when it is stopped between two tries', async () => {
    const { kept, servers, starts } = world((start) => start > 1);
    const server = await keepUiServer(kept, NEVER);
    servers[0]?.end(137);
    await until('a start has failed', () => starts() === 2);
    await server.stop();
    assert.equal((await server.ended).code, 137);
    assert.equal(starts(), 2);
  });

  it('is not started again while it is being stopped', async () => {
    const { kept, servers, restarts } = world();
    const server = await keepUiServer(kept, NEVER);
    await server.stop();
    await server.ended;
    assert.equal(servers.length, 1);
    assert.deepEqual(restarts, []);
  });

  it('is stopped, too, when it was stopped at the moment in which the next one answers', async () => {
    const { kept, servers, restarts } = world();
    const answers = Promise.withResolvers<undefined>();
    const start: typeof kept.start = async (signal) => {
      const server = await kept.start(signal);
      if (servers.length > 1) await answers.promise;
      return server;
    };
    const server = await keepUiServer({ ...kept, start }, NEVER);
    servers[0]?.end(137);
    await until('the next one is started', () => servers.length === 2);
    const stopped = server.stop();
    answers.resolve(undefined);
    await stopped;
    assert.equal((await servers[1]?.server.ended)?.code, 0);
    assert.deepEqual(restarts, []);
  });

  it('fails as it does without being kept when the first start fails', async () => {
    const { kept } = world(() => true);
    await assert.rejects(keepUiServer(kept, NEVER), /start 1 failed/);
  });
});
