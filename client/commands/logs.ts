// `datalab-client logs`: what the pages (ui), a session's gateway, agent or machine (vm), or the image's build has printed.
import path from 'node:path';
import { MAX_LOG_LINES, type LogsResponse, type LogSource } from '../../functions/contract.ts';
import type { LogPage } from '../api/api.ts';
import { openBackend, type Backend } from '../backend.ts';
import { ClientError } from '../errors.ts';
import { findSession } from '../session/find.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { findUiLogs } from '../jupyter/ui-logs.ts';
import { followFile, printLastLines } from '../logs/file.ts';
import { followLog } from '../logs/follow.ts';
import { linePrinter } from '../output/log-lines.ts';
import { readSettings } from '../settings/settings.ts';
import type { Call } from '../verbs.ts';
import { sameBackend, sameSession } from './session-change.ts';

const DEFAULT_LINES = 100;

export async function logs({ argument = 'gateway', flags }: Call, io: Io): Promise<void> {
  const limit = linesOf(flags);
  if (argument === 'ui') {
    await showUiLog(limit, flags, io);
    return;
  }
  await using backend = await openBackend(flags, io);
  const source = await sourceOf(argument, backend, flags);
  const print = linePrinter(flags, io);
  if (flags.follow) {
    const nothing = flags.quiet ? undefined : source.nothing;
    await follow(backend, { ...source, nothing, limit, print }, io);
    return;
  }
  const { lines } = await source.read({ limit });
  print(lines);
  if (lines.length === 0 && !flags.quiet) io.stderr.write(`${source.nothing}\n`);
}

function linesOf({ lines }: Flags): number {
  if (lines === undefined) return DEFAULT_LINES;
  const count = /^\d{1,6}$/.test(lines) ? Number(lines) : 0;
  if (count >= 1 && count <= MAX_LOG_LINES) return count;
  throw new ClientError(`--lines ${lines}: give a whole number from 1 to ${MAX_LOG_LINES}.`);
}

interface Source {
  read: (page: LogPage) => Promise<LogsResponse>;
  /** What a person is told when there are no lines, and where else to look. */
  nothing: string;
}

async function sourceOf(what: string, backend: Backend, flags: Flags): Promise<Source> {
  const { api, settings } = backend;
  const { name } = settings;
  const other = (verb: string) => `datalab-client ${verb}${sameSession({ name }, flags)}`;
  if (what === 'build') {
    const status = `datalab-client image status${sameBackend(flags)}`;
    const nothing = `No build of the gateway image is known that has printed anything. The image: ${status}`;
    return { read: (page) => api.imageLogs(page), nothing };
  }
  const source = checkedSource(what);
  const { id } = await findSession(backend, flags);
  const nothing =
    source === 'vm'
      ? `The machine of session ${name} has written nothing yet. Its state: ${other('status')}`
      : `Cloud Logging shows nothing of the ${source} of session ${name}: lines take some seconds to get there, ` +
        `and a machine that an earlier release has made sends none. What the machine says: ${other('logs vm')}`;
  return { read: (page) => api.sessionLogs(id, source, page), nothing };
}

function checkedSource(what: string): LogSource {
  switch (what) {
    case 'gateway':
    case 'agent':
    case 'vm':
      return what;
    default:
      throw new ClientError(`There is no log ${what}: choose ui, gateway, agent, build or vm.`);
  }
}

async function follow(
  backend: Backend,
  source: Omit<Parameters<typeof followLog>[0], 'say' | 'signal'>,
  io: Io,
): Promise<void> {
  const say = (text: string) => {
    io.stderr.write(`${text}\n`);
  };
  const lost = backend.lost.then((reason) => {
    throw new ClientError(reason);
  });
  await Promise.race([followLog({ ...source, say, signal: io.interrupt }), lost]);
}

/** Needs no backend: the pages are this machine's. */
async function showUiLog(limit: number, flags: Flags, io: Io): Promise<void> {
  const folder = path.join(readSettings(flags, io).stateDir, 'ui');
  const [newest, ...others] = findUiLogs(folder);
  if (!newest) {
    if (flags.quiet) return;
    io.stderr.write(
      `No notebook pages have been served from this machine: there is no log in ${folder}. ` +
        'They are by: datalab-client start\n',
    );
    return;
  }
  const running = others.filter(({ isRunning }) => isRunning).length;
  if (running > 0 && !flags.quiet) {
    io.stderr.write(`${newest.file} (${running} more of running starts beside it)\n`);
  }
  const print = linePrinter(flags, io);
  const position = await printLastLines(newest.file, limit, print, flags.follow === true);
  if (flags.follow) await followFile(newest.file, position, print, io.interrupt);
  else if (position === 0 && !flags.quiet) io.stderr.write(`${newest.file} is empty.\n`);
}
