// Follows a build of the gateway image to its end: as a stage, or with its log. What `image build` and `image extend` share.
import { setTimeout as delay } from 'node:timers/promises';
import type { ImageView } from '../../functions/contract.ts';
import type { Api } from '../api/api.ts';
import { ClientError, Interrupted } from '../errors.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { openBuildLog, type BuildLog } from '../logs/build-log.ts';
import { linePrinter, type LogLine, type PrintLines } from '../output/log-lines.ts';
import { createProgress } from '../output/progress.ts';

const FIRST_WAIT_MILLISECONDS = 250;
/** A project's logs can be asked for 60 times a minute, by all of its people. */
const MAX_WAIT_MILLISECONDS = 5000;
const TAIL_LINES = 15;

export interface Followed {
  /** Such as `Build`. */
  stage: string;
  /** The command line that comes back to the build, and tries again after a failure. */
  command: string;
}

/** @throws ClientError when the build fails, Interrupted at Ctrl-C, which does not end the build */
export async function followBuild(
  api: Api,
  begun: ImageView,
  { stage: name, command }: Followed,
  flags: Flags,
  io: Io,
): Promise<ImageView> {
  const isLogShown = flags.logs === true || flags.follow === true;
  const tail: string[] = [];
  const log = openBuildLog(api, (message) => {
    if (isLogShown) io.stderr.write(`${message}\n`);
  });
  // Lines that come and a line that is drawn in place would be in each other's way.
  using progress = createProgress(isLogShown && !flags.json ? { quiet: true } : flags, io);
  return await progress.stage(name, async (stage) => {
    const print = linesPrinter(flags, io);
    const onLines = (lines: readonly LogLine[], status: string) => {
      tail.push(...lines.map(({ text }) => text));
      tail.splice(0, tail.length - TAIL_LINES);
      stage.say([status, ...tail.slice(-1)].join(': '));
      if (isLogShown) print(lines);
    };
    const image = await untilOver(api, begun, log, onLines, { command, io });
    if (image.state === 'READY' && !image.error) return image;
    throw new ClientError(failureWords(image, tail, command));
  });
}

async function untilOver(
  api: Api,
  begun: ImageView,
  log: BuildLog,
  onLines: (lines: readonly LogLine[], status: string) => void,
  { command, io }: { command: string; io: Io },
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
      `Interrupted. The build goes on without you; come back to it with: ${command}`,
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
function failureWords(
  { name, error, build }: ImageView,
  tail: readonly string[],
  command: string,
): string {
  const words = error?.message ?? `Image ${name} was not built.`;
  const hasLog = tail.length === 0 || tail.some((line) => words.includes(line.trim()));
  const url = build?.logUrl;
  return [
    words,
    ...(hasLog ? [] : [`The last lines of its log:\n${tail.join('\n')}`]),
    ...(url === undefined || words.includes(url) ? [] : [`All of it: ${url}`]),
    `Once that is mended, try again with: ${command}`,
  ].join('\n');
}
