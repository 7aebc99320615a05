// What `docker info` says of an engine, and what follows from it for a container that is to work for one person on this
// machine: as whom it runs there, and whether it can hand over a Unix socket. Pure.
import { z } from 'zod';

export interface Engine {
  /** For people: `Docker 20.10.24`. */
  name: string;
  /** Undefined: on this machine. */
  remoteHost: string | undefined;
  /** In a virtual machine: it is given the folders, but no Unix sockets. */
  isVirtual: boolean;
  /** Run by the user, and root in a container is that user. */
  isRootless: boolean;
  /** Users in containers are others outside (`userns-remap`). */
  isRemapped: boolean;
  hasSelinux: boolean;
}

const dockerInfo = z.object({
  ServerVersion: z.string().min(1),
  OperatingSystem: z.string().default(''),
  SecurityOptions: z.array(z.string()).nullish(),
});

/** Podman's `docker` has a form of its own. */
const podmanInfo = z.object({
  version: z.object({ Version: z.string() }),
  host: z.object({
    security: z.object({
      rootless: z.boolean().default(false),
      selinuxEnabled: z.boolean().default(false),
    }),
    serviceIsRemote: z.boolean().default(false),
  }),
});

export interface Endpoint {
  /** As docker writes it: `unix:///var/run/docker.sock`. */
  url: string;
  /** `process.platform` of the client. */
  platform: string;
}

/** @returns undefined when nobody but the program itself has answered */
export function readEngine(info: unknown, { url, platform }: Endpoint): Engine | undefined {
  const isElsewhere = platform !== 'linux';
  const docker = dockerInfo.safeParse(info);
  if (docker.success) {
    const { ServerVersion, OperatingSystem, SecurityOptions } = docker.data;
    const names = (SecurityOptions ?? []).map((option) => /name=([^,]+)/.exec(option)?.[1]);
    return {
      name: `Docker ${ServerVersion}`,
      remoteHost: remoteHostOf(url),
      isVirtual: isElsewhere || OperatingSystem === 'Docker Desktop',
      isRootless: names.includes('rootless'),
      isRemapped: names.includes('userns'),
      hasSelinux: names.includes('selinux'),
    };
  }
  const podman = podmanInfo.safeParse(info);
  if (!podman.success) return undefined;
  const { version, host } = podman.data;
  return {
    name: `Podman ${version.Version}`,
    remoteHost: remoteHostOf(url),
    isVirtual: isElsewhere || host.serviceIsRemote,
    isRootless: host.security.rootless,
    isRemapped: false,
    hasSelinux: host.security.selinuxEnabled,
  };
}

/** Loopback may be a forwarded port; whether folders are the same shows when they are mounted. */
function remoteHostOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (!parsed || ['unix:', 'npipe:', 'fd:'].includes(parsed.protocol)) return undefined;
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(parsed.hostname);
  return isLoopback && parsed.protocol !== 'ssh:' ? undefined : parsed.hostname;
}

export interface Person {
  /** Undefined on Windows. */
  uid: number | undefined;
  gid: number | undefined;
  /** Beside that one: what a team's folders are open to. */
  groups?: readonly number[];
}

/**
 * As whom a container's process has to run so that what it writes belongs to the person, and they alone can open its socket:
 *
 * | engine                             | in the container           | why                                          |
 * | ---------------------------------- | -------------------------- | -------------------------------------------- |
 * | on Linux, run by root              | the person's uid and gid   | they are the same inside and outside         |
 * | the same with userns-remap         | the same, `--userns=host`  | otherwise they are others outside            |
 * | rootless (Docker, Podman)          | 0:0                        | root there is the person, anybody else nobody |
 * | Docker Desktop on Linux            | 0:0                        | the same                                     |
 * | in a virtual machine: macOS, Windows | the image's own user     | the shared folder shows every user as the person |
 */
export function userArguments(engine: Engine, person: Person, platform: string): string[] {
  const { uid, gid, groups = [] } = person;
  if (engine.isVirtual && platform !== 'linux') return [];
  if (engine.isRootless || engine.isVirtual) return ['--user=0:0'];
  if (uid === undefined || gid === undefined) return [];
  return [
    `--user=${uid}:${gid}`,
    ...groups.filter((group) => group !== gid).map((group) => `--group-add=${group}`),
    ...(engine.isRemapped ? ['--userns=host'] : []),
    // Root's own start opens files as root does, whoever's they are; `--cap-drop` takes that away.
    ...(uid === 0 ? ['--cap-add=DAC_OVERRIDE'] : []),
  ];
}
