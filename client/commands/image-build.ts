// `datalab-client image build`: asks for a build of the gateway image and follows it to its end.
import { setTimeout as delay } from 'node:timers/promises';
import type { ImageView } from '../../functions/contract.ts';
import { ApiError, type Api } from '../api/api.ts';
import { openBackend } from '../backend.ts';
import { openBuildLog, type BuildLog } from '../logs/build-log.ts';
import { ClientError, Interrupted } from '../errors.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { linePrinter, type LogLine, type PrintLines } from '../output/log-lines.ts';
import { createProgress } from '../output/progress.ts';
import { paragraph } from '../output/terminal-text.ts';
import type { Call } from '../verbs.ts';

const FIRST_WAIT_MILLISECONDS = 250;
/** A project's logs can be asked for 60 times a minute, by all of its people. */
const MAX_WAIT_MILLISECONDS = 5000;
const TAIL_LINES = 15;

export async function imageBuild({ flags }: Call, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const begun = await begin(backend.api, flags.force === true);
  const image = begun ? await follow(backend.api, begun, flags, io) : await backend.api.getImage();
  const changed = begun !== undefined;
  if (flags.json) io.stdout.write(`${JSON.stringify({ event: 'built', changed, image })}\n`);
  else if (!flags.quiet) {
    const there = `Image ${image.name} is there already; --force has it built anew.`;
    const words = changed ? `Image ${image.name} is built.` : there;
    io.stdout.write(`${paragraph(words, io.outputColumns)}\n`);
  }
}

/** Undefined: it is there, and nobody wants it built anew. One that is being built already is this one. */
async function begin(api: Api, force: boolean): Promise<ImageView | undefined> {
  try {
    return await api.buildImage({ force });
  } catch (error) {
    if (error instanceof ApiError && error.status === 'ALREADY_EXISTS') return undefined;
    throw error;
  }
}

async function follow(api: Api, begun: ImageView, flags: Flags, io: Io): Promise<ImageView> {
  const tail: string[] = [];
  const log = openBuildLog(api, (message) => {
    if (flags.follow) io.stderr.write(`${message}\n`);
  });
  // Lines that come and a line that is drawn in place would be in each other's way.
  using progress = createProgress(flags.follow && !flags.json ? { quiet: true } : flags, io);
  return await progress.stage('Build', async (stage) => {
    const print = linesPrinter(flags, io);
    const onLines = (lines: readonly LogLine[], status: string) => {
      tail.push(...lines.map(({ text }) => text));
      tail.splice(0, tail.length - TAIL_LINES);
      stage.say([status, ...tail.slice(-1)].join(': '));
      if (flags.follow) print(lines);
    };
    const image = await untilOver(api, begun, log, onLines, io);
    if (image.state === 'READY' && !image.error) return image;
    throw new ClientError(failureWords(image, tail));
  });
}

async function untilOver(
  api: Api,
  begun: ImageView,
  log: BuildLog,
  onLines: (lines: readonly LogLine[], status: string) => void,
  io: Io,
): Promise<ImageView> {
  let image = begun;
  try {
    for (let wait = FIRST_WAIT_MILLISECONDS; ; wait = Math.min(wait * 1.5, MAX_WAIT_MILLISECONDS)) {
      onLines(await log.read(image), image.build?.status ?? 'waiting for Cloud Build');
      if (image.state !== 'BUILDING') return image;
      await delay(wait, undefined, { signal: io.interrupt });
      image = await api.getImage();
    }
  } catch (error) {
    if (!io.interrupt.aborted) throw error;
    throw new Interrupted(
      'Interrupted. The build goes on without you; come back to it with: datalab-client image build',
    );
  }
}

/** Between the stages of `--json` a line is an event like them. */
function linesPrinter(flags: Flags, io: Io): PrintLines {
  if (!flags.json) return linePrinter({}, io);
  return (lines) => {
    for (const line of lines) io.stdout.write(`${JSON.stringify({ event: 'log', ...line })}\n`);
  };
}

/** The API's own words have the end of the log in them, if it could read it. */
function failureWords({ name, error, build }: ImageView, tail: readonly string[]): string {
  const words = error?.message ?? `Image ${name} was not built.`;
  const hasLog = tail.length === 0 || tail.some((line) => words.includes(line.trim()));
  const url = build?.logUrl;
  return [
    words,
    ...(hasLog ? [] : [`The last lines of its log:\n${tail.join('\n')}`]),
    ...(url === undefined || words.includes(url) ? [] : [`All of it: ${url}`]),
    'Once that is mended, try again with: datalab-client image build',
  ].join('\n');
}
