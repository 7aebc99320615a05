// A home with gcloud's folder and the client's configuration file in it, and an Io to run the client there.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { TestContext } from 'node:test';
import type { Io } from '../../../client/io.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { until } from '../../helpers/until.ts';

export interface Place {
  home: string;
  configFile: string;
  gcloudDir: string;
  io: (env?: Io['env']) => Pick<Io, 'env' | 'cwd'>;
}

/** @param config of config.json; a text is written as it is */
export function makePlace(
  t: Pick<TestContext, 'after'>,
  config?: string | object,
  gcloud: Record<string, string> = {},
): Place {
  const home = temporaryFolder(t);
  const configFile = path.join(home, '.config/datalab/config.json');
  const gcloudDir = path.join(home, '.config/gcloud');
  mkdirSync(path.join(gcloudDir, 'configurations'), { recursive: true });
  if (config !== undefined) {
    mkdirSync(path.dirname(configFile), { recursive: true });
    writeFileSync(configFile, typeof config === 'string' ? config : JSON.stringify(config));
  }
  for (const [name, text] of Object.entries(gcloud)) {
    const isList = name === 'active_config';
    writeFileSync(path.join(gcloudDir, isList ? name : `configurations/config_${name}`), text);
  }
  return {
    home,
    configFile,
    gcloudDir,
    io: (env = {}) => ({ env: { HOME: home, ...env }, cwd: home }),
  };
}

export interface Conversation {
  io: Io;
  stdout(): string;
  stderr(): string;
  /** Types a line when the question is there. */
  answer(question: RegExp, line: string): Promise<void>;
  keyboard: PassThrough;
  interrupt: AbortController;
}

/** A run of main() with somebody at the keyboard. */
export function converse(place: Place, env: Io['env'] = {}): Conversation {
  const [keyboard, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const interrupt = new AbortController();
  const said = { stdout: '', stderr: '' };
  stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  let read = 0;
  return {
    io: {
      ...place.io(env),
      stdin: keyboard,
      stdout,
      stderr,
      inputEnd: new AbortController().signal,
      isTerminal: false,
      columns: 80,
      now: () => Date.now(),
      elapsed: () => performance.now(),
      interrupt: interrupt.signal,
    },
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    answer: async (question, line) => {
      await until(`the question ${String(question)}`, () => question.test(said.stderr.slice(read)));
      read = said.stderr.length;
      keyboard.write(`${line}\n`);
    },
    keyboard,
    interrupt,
  };
}
