// `npm run build [-- FOLDER]`: the four parts as JavaScript in dist/, laid out as here, with the files that they read
// or run beside them. Programs find their own kind by their extension, so nothing else has to change.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.dirname(import.meta.dirname);
const PARTS = ['functions', 'client', 'agent', 'emulator'];
const CODE = /\.[jt]s$/;

const [given] = process.argv.slice(2);
const out = path.resolve(given ?? path.join(ROOT, 'dist'));

// Only our own folder is emptied first; one that was named may hold other things.
if (given === undefined) rmSync(out, { recursive: true, force: true });
if (compile()) copyTheRest();
else process.exitCode = 1;

/** Also writes package.json, which client and agent import. */
function compile(): boolean {
  const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '--project', path.join(ROOT, 'tsconfig.build.json'), '--outDir', out];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
}

/** Scripts, stand-ins and what images are made of. */
function copyTheRest(): void {
  const isNotCode = (file: string) => !CODE.test(file);
  for (const part of PARTS) {
    cpSync(path.join(ROOT, part), path.join(out, part), { recursive: true, filter: isNotCode });
  }
  for (const folder of ['docker', 'cloudbuild']) {
    cpSync(path.join(ROOT, folder), path.join(out, folder), { recursive: true });
  }
}
