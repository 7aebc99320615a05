// `main()` in this process, without a terminal, against a fixed API: what it prints and its exit code.
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Io } from '../../client/io.ts';
import { main } from '../../client/main.ts';
import { testIo } from './client-io.ts';
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
  const given = changes(api);
  const io = testIo({
    now: () => NOW,
    elapsed: () => 0,
    ...given,
    env: { ...api.env, HOME: home, DATALAB_STATE_DIR: path.join(home, 'state'), ...given.env },
  });
  const exitCode = await main(args, io);
  return { exitCode, ...io.written, api };
}
