// Installs what is missing of Jupyter through Debian's packages, or says exactly what to do. `start` calls it before
// anything else is begun; what is there already is found by jupyter-programs.ts.
import path from 'node:path';
import type { Clock } from '../clock.ts';
import type { AptOptions, AptResult } from './apt.ts';
import { availablePackages, installArguments, runAptGet, updateArguments } from './apt.ts';
import type { JupyterPrograms, Need } from './jupyter-programs.ts';
import { KERNEL_MODULES, SYSTEM_FOLDER, findJupyter, hasAll } from './jupyter-programs.ts';
import { runProgram } from './run-program.ts';
import { ClientError } from '../errors.ts';
import { lastLines } from '../output/last-lines.ts';

export interface InstallOptions {
  need: Need;
  environment: NodeJS.ProcessEnv;
  isRoot: boolean;
  /** What apt-get prints goes here. */
  logFile: string;
  clock: Clock;
  /** Gets the last line of apt-get's output as it comes. */
  onProgress: (line: string) => void;
  signal?: AbortSignal;
  /** Where Debian's packages put their programs. */
  systemFolder?: string;
}

/** Something has to be installed by hand; the message names the command. */
export class InstallError extends ClientError {
  override readonly name = 'InstallError';
}

const SERVER_PACKAGE = 'jupyter-server';
/** In the order of preference: Debian 13 has the first, Debian 12 and Ubuntu only the second. */
const UI_PACKAGES = ['jupyterlab', 'jupyter-notebook'] as const;

/**
 * @returns what is installed afterwards
 * @throws InstallError
 */
export async function installMissing(options: InstallOptions): Promise<JupyterPrograms> {
  const systemFolder = options.systemFolder ?? SYSTEM_FOLDER;
  const found = await findJupyter(options.environment, systemFolder, options.signal);
  // Ctrl-C reaches the programs that were asked, too: what they did not say is not missing.
  options.signal?.throwIfAborted();
  if (hasAll(found, options.need)) return found;
  const packages = missingPackages(found, options.need, systemFolder);
  const apt = await prepareApt(packages, options);
  await install(packages, apt);
  const installed = await findJupyter(options.environment, systemFolder);
  if (hasAll(installed, options.need)) return installed;
  throw new InstallError(
    'The packages are installed, but Jupyter still cannot be used. Try: jupyter-server --version',
  );
}

interface MissingPackages {
  certain: string[];
  /** One of UI_PACKAGES is wanted too. */
  wantsUi: boolean;
}

/** Which Debian packages bring what is not there. */
export function missingPackages(
  found: JupyterPrograms,
  need: Need,
  systemFolder = SYSTEM_FOLDER,
): MissingPackages {
  const isGatewayMissing = !hasAll(found, 'gateway');
  // Debian's modules are no use to another Python's server; with Debian's server beside it, that is the one taken.
  const isDebians = found.server && path.dirname(found.server.path) === systemFolder;
  const modules = KERNEL_MODULES.filter((name) => !isDebians || !found.modules.includes(name));
  const certain = [
    ...(isDebians ? [] : [SERVER_PACKAGE]),
    ...modules.map((name) => `python3-${name}`),
    ...(found.hasCurl ? [] : ['curl']),
  ];
  return {
    certain: isGatewayMissing ? certain : [],
    wantsUi: need === 'gatewayAndUi' && found.ui === undefined,
  };
}

async function prepareApt(packages: MissingPackages, options: InstallOptions): Promise<AptOptions> {
  const { environment } = options;
  if ((await runProgram('apt-get', ['--version'], environment)).code !== 0) {
    throw new InstallError(notDebian(packages));
  }
  const isAllowed =
    options.isRoot || (await runProgram('sudo', ['-n', 'true'], environment)).code === 0;
  if (!isAllowed) {
    const chosen = await choose(packages, environment);
    throw new InstallError(
      `Jupyter is missing, and only root may install it. Run this, then start again:\n  ${commandFor(chosen ?? fallback(packages))}`,
    );
  }
  return {
    environment,
    prefix: options.isRoot ? [] : ['sudo', '-n'],
    logFile: options.logFile,
    clock: options.clock,
    onProgress: options.onProgress,
    signal: options.signal,
  };
}

async function install(packages: MissingPackages, apt: AptOptions): Promise<void> {
  let chosen = await choose(packages, apt.environment);
  let isUpdated = false;
  if (!chosen) {
    const updated = await update(apt);
    isUpdated = true;
    chosen = await choose(packages, apt.environment);
    if (!chosen) throw failed(fallback(packages), 'This release has no such packages.', updated);
  }
  let result = await runAptGet(installArguments(chosen), apt);
  if (result.code !== 0 && !isUpdated) {
    // Package lists of some weeks ago name files that the mirror has no more.
    await update(apt);
    result = await runAptGet(installArguments(chosen), apt);
  }
  if (result.code !== 0) throw failed(chosen, 'Jupyter could not be installed.', result);
}

function update(apt: AptOptions): Promise<AptResult> {
  return runAptGet(updateArguments(), apt);
}

/** @returns undefined when the package lists here do not know them all */
async function choose(
  packages: MissingPackages,
  environment: NodeJS.ProcessEnv,
): Promise<string[] | undefined> {
  const available = await availablePackages([...packages.certain, ...UI_PACKAGES], environment);
  if (!packages.certain.every((name) => available.has(name))) return undefined;
  if (!packages.wantsUi) return packages.certain;
  const ui = UI_PACKAGES.find((name) => available.has(name));
  return ui === undefined ? undefined : [...packages.certain, ui];
}

/** What every release has, for a command that is only printed. */
function fallback(packages: MissingPackages): string[] {
  return packages.wantsUi ? [...packages.certain, 'jupyter-notebook'] : packages.certain;
}

function failed(packages: string[], what: string, { output }: AptResult): InstallError {
  return new InstallError(
    `${what} apt-get's last words:\n${lastLines(output, 8)}\nWhen that is solved, run this and start again:\n  ${commandFor(packages)}`,
  );
}

function commandFor(packages: string[]): string {
  const install = `sudo apt-get install --no-install-recommends ${packages.join(' ')}`;
  return `sudo apt-get update && ${install}`;
}

function notDebian(packages: MissingPackages): string {
  const server =
    packages.certain.length > 0 ? ['jupyter-server with ipykernel, matplotlib and pandas'] : [];
  const ui = packages.wantsUi ? ['JupyterLab (or notebook 6.4 or newer)'] : [];
  return (
    `Missing: ${[...server, ...ui].join('; ')}. This system has no apt-get, so install it in your own way ` +
    'and make sure that it is found on PATH.'
  );
}
