// What people may read of logs: of a session's containers and its machine, and of the gateway image's last build. Called
// by api.ts; entry-log.ts and serial-log.ts read.
import type { z } from 'zod';
import { checkVisible, type User } from './caller.ts';
import {
  DEFAULT_LOG_LINES,
  type imageLogsQuery,
  type LogsResponse,
  type LogSource,
  type sessionLogsQuery,
} from './contract.ts';
import { readEntryLog, type EntryLog, type EntryLogDeps } from './entry-log.ts';
import { AppError } from './errors.ts';
import type { SerialPorts } from './google/compute.ts';
import { reconcileImage, type ImageDeps } from './image-reconcile.ts';
import { taggedName } from './images.ts';
import { entryCursor, readCursor, serialCursor, writeCursor } from './log-cursor.ts';
import type { SessionRecord } from './record.ts';
import { readSerialLog } from './serial-log.ts';
import { stateOf } from './session.ts';
import type { SessionStore } from './store/session-store.ts';

export type LogsDeps = EntryLogDeps &
  ImageDeps & {
    store: SessionStore;
    serialPorts: SerialPorts;
  };

interface Page {
  limit: number;
  after: string | undefined;
}

export async function getSessionLogs(
  user: User,
  id: string,
  { source, limit = DEFAULT_LOG_LINES, after }: z.infer<typeof sessionLogsQuery>,
  deps: LogsDeps,
): Promise<LogsResponse> {
  const record = checkVisible(await deps.store.get(id), user, id);
  if (source === 'vm') return await readMachine(record, { limit, after }, deps);
  return await readEntries(source, logOfContainer(source, record), { limit, after }, deps);
}

export async function getImageLogs(
  { limit = DEFAULT_LOG_LINES, after }: z.infer<typeof imageLogsQuery>,
  deps: LogsDeps,
): Promise<LogsResponse> {
  const known = await deps.images.getImage(taggedName(deps.config.gatewayImage));
  // It may have begun since somebody looked. The one before it is not what anybody waits for.
  const record = known?.claim ? (await reconcileImage(deps, true)).record : known;
  const buildId = record?.claim ? undefined : record?.build?.id;
  const log = buildId === undefined ? undefined : logOfBuild(buildId);
  return await readEntries('build', log, { limit, after }, deps);
}

/** @param log undefined: there is nothing yet that could have written one */
async function readEntries(
  source: string,
  log: EntryLog | undefined,
  { limit, after }: Page,
  deps: LogsDeps,
): Promise<LogsResponse> {
  const cursor = readCursor(after, entryCursor, source);
  if (log) return await readEntryLog(log, limit, cursor, deps);
  return { lines: [], next: after ?? writeCursor({ log: `${source}/`, received: 0 }) };
}

/** Names of containers: vm-startup.sh. What an instance has left stays readable when it is gone. */
function logOfContainer(
  source: Exclude<LogSource, 'vm'>,
  { instance, createdAt }: SessionRecord,
): EntryLog | undefined {
  if (!instance) return undefined;
  const { id, name } = instance;
  const of = { kind: 'container', instanceId: id, container: `${name}-${source}` } as const;
  return { key: `${source}/${id}`, of, since: createdAt };
}

function logOfBuild(buildId: string): EntryLog {
  return { key: `build/${buildId}`, of: { kind: 'build', buildId }, since: 0 };
}

async function readMachine(
  record: SessionRecord,
  { limit, after }: Page,
  { serialPorts }: LogsDeps,
): Promise<LogsResponse> {
  const cursor = readCursor(after, serialCursor, 'vm');
  const { instance } = record;
  if (instance?.isGone !== false) throw notRunning(record);
  const { id, zone, name } = instance;
  const read = (start: number) => serialPorts.readSerialPort(zone, name, start);
  const found = await readSerialLog(`vm/${id}`, limit, cursor, read);
  if (!found) throw notRunning(record);
  return found;
}

function notRunning(record: SessionRecord): AppError {
  const state = stateOf(record);
  const isStarting = record.want === 'running' && state !== 'FAILED';
  return new AppError(
    'FAILED_PRECONDITION',
    `Session ${record.name} is ${state}: the serial port can be read while its machine runs. ` +
      `${isStarting ? 'Wait until it does' : 'Start the session'}, then ask again; ` +
      'what gateway and agent have printed can be read at any time.',
  );
}
