// `npm run build`: the four parts as JavaScript in dist/, each in few files, with the files that they read or run in
// their places beside them. dist/functions/ is complete in itself: it is what Cloud Functions deploys.
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { completeAgentContext } from './agent-context.ts';
import { bundle, PARTS, type PartName } from './bundle.ts';
import { functionsPackage } from './functions-package.ts';
import { noticesOf } from './notices.ts';

const ROOT = path.dirname(import.meta.dirname);
const OUT = path.join(ROOT, 'dist');
const CODE = /\.[jt]s$/;

rmSync(OUT, { recursive: true, force: true });
for (const part of PARTS) {
  const { packages, imports } = await bundle(part, ROOT, OUT);
  copyTheRest(part);
  write(`${part}/LICENSES.txt`, noticesOf(packages));
  if (part === 'functions') write('functions/package.json', functionsPackage(ROOT, imports));
}
// What instances boot, and what the images are built from, the emulated registry's too.
copy('docker/gateway', 'docker/gateway');
copy('docker/datalab', 'docker/datalab');
completeAgentContext(path.join(OUT, 'agent'));
const BESIDE = [
  'docker/gateway/vm-startup.sh',
  'cloudbuild/gateway.yaml',
  'cloudbuild/extend.yaml',
  'LICENSE',
];
for (const file of BESIDE) copy(file, `functions/${file}`);

/** Scripts and stand-ins, which keep their places. */
function copyTheRest(part: PartName): void {
  const files = readdirSync(path.join(ROOT, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !CODE.test(entry.name))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)));
  for (const file of files) copy(file, file);
}

function copy(from: string, to: string): void {
  cpSync(path.join(ROOT, from), path.join(OUT, to), { recursive: true });
}

function write(file: string, text: string): void {
  writeFileSync(path.join(OUT, file), text);
}
