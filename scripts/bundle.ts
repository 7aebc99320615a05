// Bundles one part with esbuild: our files and the libraries they use in few files, since opening hundreds of them is
// what takes long at a start; what is imported late stays in files of its own. Called by build.ts; tsc checks the types.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { build as runEsbuild, type Metafile, type Plugin } from 'esbuild';

/** Programs of each part, which keep their places; everything else of a part lands at the top of its folder. */
const PROGRAMS = {
  functions: ['index.ts'],
  client: ['bin.ts'],
  agent: ['bin.ts'],
  emulator: ['main.ts', 'runtime/docker.ts', 'cloudbuild/docker.ts'],
} as const;
export type PartName = keyof typeof PROGRAMS;
export const PARTS = Object.keys(PROGRAMS) as PartName[];

/** Google's: large, loaded late, and the functions' framework is a program itself. They stay installed packages. */
const INSTALLED = ['@google-cloud/*', 'google-auth-library'];

/** What CommonJS libraries call `require` is not there in a module. */
const BANNER =
  "import{createRequire as datalabRequire}from'node:module';const require=datalabRequire(import.meta.url);";

export interface Bundled {
  /** Folders of the packages that are in it. */
  packages: string[];
  /** Names of the packages that it imports. */
  imports: string[];
}

export async function bundle(part: PartName, root: string, out: string): Promise<Bundled> {
  const { metafile } = await runEsbuild({
    absWorkingDir: root,
    entryPoints: PROGRAMS[part].map((program) => path.join(part, program)),
    outbase: part,
    outdir: path.join(out, part),
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    inject: [path.join(root, 'scripts/node-22.js')],
    external: INSTALLED,
    banner: { js: BANNER },
    plugins: [
      emulatorApart,
      builtinsByRequire,
      requestsOfUndici,
      withoutLanguages,
      packageInBrief(root),
    ],
    metafile: true,
    legalComments: 'inline',
    logLevel: 'warning',
  });
  return { packages: packagesIn(metafile, root), imports: importsOf(metafile) };
}

/** The client loads the emulator from its own folder: files that are found beside it would not be in the client's. */
const emulatorApart: Plugin = {
  name: 'emulator-apart',
  setup(build) {
    build.onResolve({ filter: /\/emulator\/main\.ts$/ }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: '../emulator/main.js', external: true },
    );
  },
};

/**
 * What a module imports of Node.js is read out name by name, which for node:http loads all of `fetch`: 20 ms. What is
 * required is not.
 */
const builtinsByRequire: Plugin = {
  name: 'builtins-by-require',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path: name, kind }) =>
      kind === 'require-call'
        ? { path: name, external: true }
        : { path: name, namespace: 'builtin' },
    );
    build.onLoad({ filter: /./, namespace: 'builtin' }, (file) => ({
      contents: `module.exports = require(${JSON.stringify(file.path)})`,
    }));
  },
};

/** Of undici we use requests and pools: its fetch, WebSockets and mocks are half of it, and nobody asks for them. */
const requestsOfUndici: Plugin = {
  name: 'requests-of-undici',
  setup(build) {
    build.onResolve({ filter: /^\.\/lib\/(web|mock)\// }, ({ path: name, importer }) =>
      /\/undici\/index\.js$/.test(importer) ? { path: name, namespace: 'unused' } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'unused' }, () => ({
      contents: 'module.exports = { CacheStorage: class {} };',
    }));
  },
};

/** Imported by name, zod comes with its messages in fifty languages, as a namespace only with what is used. */
const withoutLanguages: Plugin = {
  name: 'without-languages',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async (file) => ({
      loader: 'ts',
      contents: (await readFile(file.path, 'utf8')).replace(
        "import { z } from 'zod'",
        "import * as z from 'zod'",
      ),
    }));
  },
};

/** Programs read their version there; what they are built with is nobody's business. */
function packageInBrief(root: string): Plugin {
  const filter = /\/package\.json$/;
  return {
    name: 'package-in-brief',
    setup(build) {
      build.onLoad({ filter }, async (file) => {
        if (file.path !== path.join(root, 'package.json')) return undefined;
        const { name, version } = JSON.parse(await readFile(file.path, 'utf8')) as PackageJson;
        return { loader: 'json', contents: JSON.stringify({ name, version }) };
      });
    },
  };
}

interface PackageJson {
  name: string;
  version: string;
}

function packagesIn({ outputs }: Metafile, root: string): string[] {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [file] : [],
    ),
  );
  const folders = files.map((file) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  const known = folders.filter((folder) => folder !== undefined);
  return [...new Set(known)].sort().map((folder) => path.resolve(root, folder));
}

/** Without what a library only tries to `require`. */
function importsOf({ outputs }: Metafile): string[] {
  const paths = Object.values(outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ external, kind }) => external === true && kind !== 'require-call')
    .map((one) => one.path);
  const names = paths
    .filter((name) => !/^(node:|\.)/.test(name))
    .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
  return [...new Set(names)].sort();
}
