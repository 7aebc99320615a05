// What the last stage of a Dockerfile leaves in the image's configuration. Pure; docker.ts writes it into the image.
// https://github.com/opencontainers/image-spec/blob/main/config.md
import { execForm, healthcheckParts, pairsOf, type Instruction } from './dockerfile.ts';

export interface ImageConfig {
  Env: string[];
  Cmd: string[] | null;
  Entrypoint: string[] | null;
  Labels: Record<string, string>;
  WorkingDir: string;
  User: string;
  ExposedPorts: Record<string, object>;
  Volumes: Record<string, object>;
  Healthcheck?: Healthcheck;
}

interface Healthcheck {
  Test: string[];
  /** Durations in nanoseconds. */
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  Retries?: number;
}

/** The configuration of the last stage, which begins with that of its base. */
export function configOf(
  instructions: readonly Instruction[],
  base: Partial<ImageConfig> = {},
): ImageConfig {
  const last = instructions.findLastIndex(({ name }) => name === 'FROM');
  const config: ImageConfig = {
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    Cmd: null,
    Entrypoint: null,
    Labels: {},
    WorkingDir: '/',
    User: '',
    ExposedPorts: {},
    Volumes: {},
    ...structuredClone(base),
  };
  for (const instruction of instructions.slice(last + 1)) apply(instruction, config);
  return config;
}

function apply(instruction: Instruction, config: ImageConfig): void {
  const { name, rest } = instruction;
  switch (name) {
    case 'CMD':
      config.Cmd = commandOf(rest);
      break;
    case 'ENTRYPOINT':
      config.Entrypoint = commandOf(rest);
      config.Cmd = null;
      break;
    case 'ENV':
      for (const [key, value] of pairsOf(instruction)) config.Env.push(`${key}=${value}`);
      break;
    case 'LABEL':
      Object.assign(config.Labels, Object.fromEntries(pairsOf(instruction)));
      break;
    case 'WORKDIR':
      config.WorkingDir = rest.startsWith('/') ? rest : `${config.WorkingDir}/${rest}`;
      break;
    case 'USER':
      config.User = rest;
      break;
    case 'HEALTHCHECK':
      config.Healthcheck = healthcheckOf(rest);
      break;
    case 'EXPOSE':
      for (const port of rest.split(/\s+/)) config.ExposedPorts[withProtocol(port)] = {};
      break;
    case 'VOLUME':
      for (const folder of execForm(rest) ?? rest.split(/\s+/)) config.Volumes[folder] = {};
      break;
    default:
      break;
  }
}

function commandOf(rest: string): string[] {
  return execForm(rest) ?? ['/bin/sh', '-c', rest];
}

function withProtocol(port: string): string {
  return port.includes('/') ? port : `${port}/tcp`;
}

function healthcheckOf(rest: string): Healthcheck {
  const { flags, command } = healthcheckParts(rest);
  const [type = ''] = command.split(/\s+/);
  if (type.toUpperCase() === 'NONE') return { Test: ['NONE'] };
  const given = command.slice(type.length).trim();
  const exec = execForm(given);
  const check: Healthcheck = { Test: exec ? ['CMD', ...exec] : ['CMD-SHELL', given] };
  for (const flag of flags) {
    const [name = '', value = ''] = flag.slice('--'.length).split('=');
    if (name === 'interval') check.Interval = nanosecondsOf(value);
    if (name === 'timeout') check.Timeout = nanosecondsOf(value);
    if (name === 'start-period') check.StartPeriod = nanosecondsOf(value);
    if (name === 'retries') check.Retries = Number(value);
  }
  return check;
}

/** `1m30s`, as Go writes durations. */
function nanosecondsOf(duration: string): number {
  const units = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
  const parts = [...duration.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, count, unit]) => {
    return sum + Number(count) * units[unit as keyof typeof units];
  }, 0);
}
