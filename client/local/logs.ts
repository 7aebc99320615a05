// What gateway and agent of a local session have printed, as the API would answer it: the engine keeps it.
import { DEFAULT_LOG_LINES, type LogsResponse, type LogSource } from '../../functions/contract.ts';
import type { LogPage } from '../api/api.ts';
import { problemOf, runDocker, type DockerOptions } from '../docker/docker-program.ts';
import { assertNever, ClientError } from '../errors.ts';
import type { LocalPlace } from './place.ts';

interface Line {
  time: string;
  text: string;
}

/** @throws ClientError when there is no such container, or no such log */
export async function readLogs(
  place: LocalPlace,
  source: LogSource,
  { limit = DEFAULT_LOG_LINES, after }: LogPage,
  options: DockerOptions,
): Promise<LogsResponse> {
  const name = containerOf(place, source);
  const range = after === undefined ? ['--tail', String(limit)] : ['--since', after];
  const result = await runDocker(['logs', '--timestamps', ...range, name], options);
  if (result.code !== 0) throw new ClientError(`Docker: ${problemOf(result)}.`);
  const lines = [result.stdout, result.stderr]
    .flatMap((text) => text.split('\n').flatMap(readLine))
    // Both outputs come apart; times have nine digits behind the point.
    .sort((one, other) => (one.time < other.time ? -1 : Number(one.time > other.time)))
    .filter(({ time }) => after === undefined || time > after);
  const answered = after === undefined ? lines.slice(-limit) : lines.slice(0, limit);
  return { lines: answered, next: answered.at(-1)?.time ?? after ?? '1970-01-01T00:00:00Z' };
}

function containerOf(place: LocalPlace, source: LogSource): string {
  switch (source) {
    case 'gateway':
      return place.gateway;
    case 'agent':
      return place.agent;
    case 'vm':
      throw new ClientError('With --local there is no VM: choose ui, gateway or agent.');
    default:
      return assertNever(source);
  }
}

function readLine(line: string): Line[] {
  const [, time, text] = /^(\d{4}-\d\d-\d\dT\S+Z) ?(.*?)\r?$/.exec(line) ?? [];
  return time === undefined || text === undefined ? [] : [{ time, text }];
}
