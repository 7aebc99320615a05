// `main()` in this process, without a terminal, against a fixed API: what it prints and its exit code.
import path from 'node:path';
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import type { Io } from '../../client/io.ts';
import { main } from '../../client/main.ts';
import { NOW, serveFixedApi, type FixedApi, type World } from './fixed-api.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface MainRun {
  exitCode: number;
  stdout: string;
  stderr: string;
  api: FixedApi;
}

export async function runMain(
  t: TestContext,
  args: readonly string[],
  world: World,
  changes: (api: FixedApi) => Partial<Io> = () => ({}),
): Promise<MainRun> {
  const api = await serveFixedApi(t, world);
  const home = temporaryFolder(t);
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) =>
    new Writable({
      write(chunk: Buffer, _, done) {
        written[name] += chunk.toString();
        done();
      },
    });
  const given = changes(api);
  const exitCode = await main(args, {
    stdin: undefined,
    inputEnd: new AbortController().signal,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    isTerminal: false,
    now: () => NOW,
    cwd: '/',
    elapsed: () => 0,
    interrupt: new AbortController().signal,
    ...given,
    env: { ...api.env, HOME: home, DATALAB_STATE_DIR: path.join(home, 'state'), ...given.env },
  });
  return { exitCode, ...written, api };
}
