// Finds what is installed of Jupyter: the server and kernel that a gateway of this machine runs, and the UI server's
// program. install.ts installs what it misses, ui-server.ts starts what it found.
import { access, constants, open } from 'node:fs/promises';
import path from 'node:path';
import { runProgram, type ProgramResult } from './run-program.ts';

export interface JupyterProgram {
  path: string;
  version: string;
}

export interface UiProgram extends JupyterProgram {
  kind: 'lab' | 'notebook';
}

/** Python modules of the kernel: itself, and what the example notebooks import. */
export const KERNEL_MODULES = ['ipykernel', 'matplotlib', 'pandas'] as const;
export type KernelModule = (typeof KERNEL_MODULES)[number];

export interface JupyterPrograms {
  /** What a gateway in the emulator's process runtime is started from. */
  server: JupyterProgram | undefined;
  /** What the server's Python can import. */
  modules: readonly KernelModule[];
  /** The instance's startup script asks its metadata server with it. */
  hasCurl: boolean;
  /** JupyterLab if there is one, else the classic notebook. */
  ui: UiProgram | undefined;
}

/** What has to be there: `gateway` for `--ui none`, `gatewayAndUi` for `--ui process`. */
export type Need = 'gateway' | 'gatewayAndUi';

/** Debian's programs are here, whatever stands first on PATH. */
export const SYSTEM_FOLDER = '/usr/bin';

type Run = (file: string, args: readonly string[]) => Promise<ProgramResult>;

/**
 * @param environment its PATH is searched; a program counts when it can tell its version
 * @param signal ends the search: what has not been asked by then counts as missing
 */
export async function findJupyter(
  environment: NodeJS.ProcessEnv,
  systemFolder = SYSTEM_FOLDER,
  signal?: AbortSignal,
): Promise<JupyterPrograms> {
  const run: Run = (file, args) => runProgram(file, args, environment, signal);
  const searched = (environment['PATH'] ?? '').split(path.delimiter).filter((f) => f !== '');
  // The gateway's order is the emulator's: Debian's first, since another Python's server may have no kernel.
  const gatewayFolders = [systemFolder, ...searched];
  // The UI's is the user's own.
  const uiFolders = [...searched, systemFolder];
  const [server, ui, hasCurl] = await Promise.all([
    findProgram('jupyter-server', gatewayFolders, run),
    findUi(uiFolders, run),
    isThere('curl', uiFolders),
  ]);
  const python = server
    ? await interpreterOf(server.path, gatewayFolders)
    : path.join(systemFolder, 'python3');
  return { server, ui, hasCurl, modules: await findModules(python, run) };
}

export function hasAll(programs: JupyterPrograms, need: Need): boolean {
  const isGatewayComplete =
    programs.hasCurl &&
    programs.server !== undefined &&
    KERNEL_MODULES.every((m) => programs.modules.includes(m));
  return isGatewayComplete && (need === 'gateway' || programs.ui !== undefined);
}

async function isThere(name: string, folders: string[]): Promise<boolean> {
  const found = await Promise.all(folders.map((folder) => isExecutable(path.join(folder, name))));
  return found.includes(true);
}

async function findUi(folders: string[], run: Run): Promise<UiProgram | undefined> {
  const lab = await findProgram('jupyter-lab', folders, run);
  if (lab && isAtLeast(lab.version, 3, 0)) return { ...lab, kind: 'lab' };
  const notebook = await findProgram('jupyter-notebook', folders, run);
  // Older ones cannot listen on a Unix socket.
  if (notebook && isAtLeast(notebook.version, 6, 4)) return { ...notebook, kind: 'notebook' };
  return undefined;
}

async function findProgram(
  name: string,
  folders: string[],
  run: Run,
): Promise<JupyterProgram | undefined> {
  for (const folder of new Set(folders)) {
    const file = path.join(folder, name);
    if (!(await isExecutable(file))) continue;
    // pyenv's stand-ins exist for programs that no active Python has.
    const { code, stdout } = await run(file, ['--version']);
    const version = /^\d+\.\d+\S*$/m.exec(stdout.trim())?.[0];
    if (code === 0 && version !== undefined) return { path: file, version };
  }
  return undefined;
}

/** The Python that a program is run by: named in its first lines, or the one beside it. */
async function interpreterOf(program: string, folders: string[]): Promise<string> {
  const head = await readHead(program);
  const named = /(\/[^\s"']*\/python[\d.]*)(?=["'\s])/.exec(head)?.[1];
  if (named !== undefined) return named;
  for (const folder of [path.dirname(program), ...folders]) {
    const python = path.join(folder, 'python3');
    if (await isExecutable(python)) return python;
  }
  return 'python3';
}

async function findModules(python: string, run: Run): Promise<KernelModule[]> {
  const names = KERNEL_MODULES.map((name) => `"${name}"`).join(',');
  const program = `import importlib.util as u; print(*[m for m in (${names}) if u.find_spec(m)])`;
  // Isolated: a file called pandas.py in the current folder is not pandas.
  const { stdout } = await run(python, ['-I', '-c', program]);
  const found = stdout.trim().split(' ');
  return KERNEL_MODULES.filter((name) => found.includes(name));
}

async function readHead(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [actualMajor = 0, actualMinor = 0] = version.split('.').map(Number);
  return actualMajor > major || (actualMajor === major && actualMinor >= minor);
}
