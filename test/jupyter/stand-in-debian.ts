// A Debian of shell scripts in a temporary folder: apt-get, apt-cache, sudo and the programs that packages bring.
// Its apt-get writes down every call and "installs" by making the programs, so that nothing here touches the machine.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface StandInDebian {
  environment: NodeJS.ProcessEnv;
  /** Where the packages' programs are. */
  systemFolder: string;
  logFile: string;
  /** What apt-get was called with, one call a line, with what stands before it. */
  calls(): string[];
  install(packageName: string): void;
}

export interface DebianOptions {
  /** Packages that apt-cache knows before `update`; after it, all of `release`. */
  listed?: readonly string[];
  release?: readonly string[];
  hasApt?: boolean;
  hasCurl?: boolean;
  sudo?: 'passwordless' | 'asks' | 'none';
  /** Shell code that apt-get runs at `install` before it installs. */
  onInstall?: string;
}

const BASE = [
  'jupyter-server',
  'python3-ipykernel',
  'python3-matplotlib',
  'python3-pandas',
  'jupyter-notebook',
  'curl',
];
export const BOOKWORM = BASE;
export const TRIXIE = [...BASE, 'jupyterlab'];

const PROGRAMS: Record<string, [name: string, version: string]> = {
  'jupyter-server': ['jupyter-server', '2.15.0'],
  'jupyter-notebook': ['jupyter-notebook', '6.4.13'],
  jupyterlab: ['jupyter-lab', '4.0.11'],
  curl: ['curl', '8.14.1'],
};

export function makeDebian(folder: string, options: DebianOptions = {}): StandInDebian {
  const {
    release = TRIXIE,
    listed = release,
    hasApt = true,
    hasCurl = true,
    sudo = 'none',
  } = options;
  const bin = path.join(folder, 'bin');
  const systemFolder = path.join(folder, 'system');
  const state = path.join(folder, 'state');
  for (const made of [bin, systemFolder, state]) mkdirSync(made);
  for (const tool of ['env', 'cat', 'sleep', 'touch', 'true', 'kill']) {
    symlinkSync(`/usr/bin/${tool}`, path.join(bin, tool));
  }
  writeFileSync(path.join(state, 'calls'), '');
  writeFileSync(path.join(state, 'modules'), '');
  writeFileSync(path.join(state, 'listed'), listed.join('\n'));
  writeScript(path.join(systemFolder, 'python3'), `cat ${state}/modules`);
  if (hasCurl) writeProgram(systemFolder, 'curl', '8.14.1');
  if (hasApt) {
    const installers = release.map((name) => `${name}) ${installer(name)} ;;`).join('\n');
    writeScript(path.join(bin, 'apt-get'), aptGet(state, release, installers, options.onInstall));
    writeScript(path.join(bin, 'apt-cache'), aptCache(state));
  }
  if (sudo !== 'none') writeScript(path.join(bin, 'sudo'), sudoScript(sudo));
  return {
    environment: { PATH: bin },
    systemFolder,
    logFile: path.join(folder, 'apt.log'),
    calls: () => readFileSync(path.join(state, 'calls'), 'utf8').split('\n').slice(0, -1),
    install: (name) => {
      const program = PROGRAMS[name];
      if (program) writeProgram(systemFolder, ...program);
      else writeFileSync(path.join(state, 'modules'), moduleOf(name), { flag: 'a' });
    },
  };

  function installer(name: string): string {
    const program = PROGRAMS[name];
    if (!program) return `printf '${moduleOf(name)}' >>${state}/modules`;
    const kept = path.join(state, program[0]);
    writeProgram(state, ...program);
    return `cat ${kept} >${systemFolder}/${program[0]} && ${chmod(systemFolder, program[0])}`;
  }
}

export function writeProgram(folder: string, name: string, version: string): void {
  writeScript(path.join(folder, name), `echo ${version}`);
}

export function writeScript(file: string, body: string): void {
  writeFileSync(file, `#!/bin/bash\n${body}\n`, { mode: 0o755 });
}

function moduleOf(packageName: string): string {
  return `${packageName.replace('python3-', '')} `;
}

function chmod(folder: string, name: string): string {
  return `/usr/bin/chmod 755 ${folder}/${name}`;
}

function aptGet(
  state: string,
  release: readonly string[],
  installers: string,
  onInstall = '',
): string {
  return `
[[ $1 == --version ]] && exit 0
echo "\${STAND_IN_SUDO:-}$DEBIAN_FRONTEND apt-get $*" >>${state}/calls
if [[ $1 == update ]]; then
  echo 'Get:1 the lists'
  cat >${state}/listed <<'LISTS'
${release.join('\n')}
LISTS
  exit 0
fi
${onInstall}
for name; do
  case $name in
${installers}
  esac
  echo "Setting up $name"
done`;
}

/** As apt-cache does: nothing at all for a name that it does not know. */
function aptCache(state: string): string {
  return `
shift
for name; do
  while read -r listed || [[ -n $listed ]]; do
    [[ $listed == "$name" ]] || continue
    printf '%s:\\n  Installed: (none)\\n  Candidate: 1.0-1\\n  Version table:\\n     1.0-1 500\\n' "$name"
  done <${state}/listed
done`;
}

function sudoScript(kind: 'passwordless' | 'asks'): string {
  if (kind === 'asks') return `echo 'sudo: a password is required' >&2; exit 1`;
  return `[[ $1 == -n ]] || exit 1\nshift\nSTAND_IN_SUDO='sudo ' exec "$@"`;
}
