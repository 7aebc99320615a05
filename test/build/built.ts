// What `npm run build` and `npm pack` make, made of a copy of the sources: nobody else's dist/ is touched.
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '../..');
const NOT_SOURCES = ['node_modules', 'dist', '.git'];

/** The sources alone, in a folder that is there, with a link to our packages. */
export function copySources(to: string): void {
  for (const name of readdirSync(ROOT)) {
    if (!NOT_SOURCES.includes(name)) {
      cpSync(path.join(ROOT, name), path.join(to, name), { recursive: true });
    }
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(to, 'node_modules'));
}

/** Standard output. @throws Error with what it said when it fails */
export function runIn(cwd: string, command: string, args: readonly string[]): string {
  const env = { ...ENVIRONMENT, PATH: `${path.dirname(process.execPath)}:${PATH}` };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? ''}\n${stdout}${stderr}`);
}

/** All files below, as paths from there. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

const { PATH = '' } = process.env;
/** What an npm that runs these tests says to its scripts is not meant for the npm that they run. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_/i.test(name) || /^npm_config_(registry|cache)$/i.test(name),
  ),
);
