#!/usr/bin/env node
// The command. Plain JavaScript that any Node.js can read, so that one which is too old is told so in a line. Runs the
// sources where they are, else what `npm run build` made of them: Node.js takes no TypeScript in installed packages.
const wanted = [22, 19];
const actual = process.versions.node.split('.').map(Number);

if (actual[0] < wanted[0] || (actual[0] === wanted[0] && actual[1] < wanted[1])) {
  console.error(
    `datalab-client needs Node.js ${wanted.join('.')} or newer, this is ${process.versions.node}: ` +
      'run it through npm (npm start, npx datalab-client), which uses the Node.js that npm ci installed.',
  );
  process.exitCode = 1;
} else if (process.argv.length === 3 && process.argv[2] === '--version') {
  // Without the reader of command lines, which alone takes half as long as Node.js itself.
  const { readFileSync } = await import('node:fs');
  const file = new URL('../package.json', import.meta.url);
  // As bin.ts: a reader that has gone is no failure, a full disk is.
  process.stdout.on('error', ({ code, message }) => {
    if (code === 'EPIPE') return;
    console.error(`datalab-client: standard output cannot be written: ${message}`);
    process.exitCode = 1;
  });
  process.stdout.write(`${JSON.parse(readFileSync(file, 'utf8')).version}\n`);
} else {
  const files = await import('node:fs');
  await keepCompiledCode(files);
  passOverSqlite();
  const hasSources = files.existsSync(new URL('./bin.ts', import.meta.url));
  await import(hasSources ? './bin.ts' : '../dist/client/bin.js');
}

/**
 * Node.js compiles what it has compiled before from a folder of the user's own (code in it is trusted, so not from a
 * shared one). Where that cannot be written, or NODE_DISABLE_COMPILE_CACHE=1 says so, it goes on without.
 */
async function keepCompiledCode({ existsSync, mkdirSync }) {
  const { enableCompileCache } = await import('node:module');
  const { XDG_CACHE_HOME, HOME } = process.env;
  const cache = XDG_CACHE_HOME || (HOME && `${HOME}/.cache`);
  if (!cache || !enableCompileCache) return;
  try {
    // One by one: told to make all of them, Node.js tries for ever where the first cannot be (/proc).
    const folders = [cache, `${cache}/datalab`, `${cache}/datalab/node`];
    for (const folder of folders) if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    enableCompileCache(folders[2]);
  } catch {
    // A home that is not there, is read-only or full.
  }
}

/** Node.js 22 says at every start that its SQLite is experimental, which is nothing a user can do about. */
function passOverSqlite() {
  const warn = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (rest[0] !== 'ExperimentalWarning' || !/^SQLite /.test(warning)) {
      warn.call(process, warning, ...rest);
    }
  };
}
