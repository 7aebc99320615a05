// The folder that the agent image is built from: the agent, bundled, with docker/agent/Dockerfile. `npm run build` makes
// dist/agent of it; `node scripts/agent-context.ts OUT` makes OUT/agent of the sources, where nothing is built.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundle } from './bundle.ts';
import { noticesOf } from './notices.ts';

const ROOT = path.dirname(import.meta.dirname);

/** The folder; what an earlier run has left there goes. */
export async function writeAgentContext(out: string): Promise<string> {
  const folder = path.join(out, 'agent');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { packages } = await bundle('agent', ROOT, out);
  writeFileSync(path.join(folder, 'LICENSES.txt'), noticesOf(packages));
  completeAgentContext(folder);
  return folder;
}

/** What a bundled agent with its licenses lacks. */
export function completeAgentContext(folder: string): void {
  // Without it Node.js reads each file twice to find out what it is.
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  cpSync(path.join(ROOT, 'docker/agent/Dockerfile'), path.join(folder, 'Dockerfile'));
}

if (process.argv[1] === import.meta.filename) {
  const [out] = process.argv.slice(2);
  if (out === undefined) throw new Error('Say where: node scripts/agent-context.ts OUT');
  console.log(await writeAgentContext(path.resolve(out)));
}
