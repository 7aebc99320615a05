// The package.json of what Cloud Functions deploys: the packages that the bundle imports, at the versions that were
// tested. Called by build.ts.
import { readFileSync } from 'node:fs';
import path from 'node:path';

interface RootPackage {
  name: string;
  version: string;
  license: string;
  engines: object;
}

interface Lock {
  packages: Readonly<Record<string, { version: string } | undefined>>;
}

/** @throws Error when package-lock.json does not have one of `imports` */
export function functionsPackage(root: string, imports: readonly string[]): string {
  const { name, version, license, engines } = read(root, 'package.json') as RootPackage;
  const { packages } = read(root, 'package-lock.json') as Lock;
  const locked = (wanted: string) => {
    const found = packages[`node_modules/${wanted}`];
    if (!found) throw new Error(`package-lock.json has no ${wanted}, which functions/ imports.`);
    return found.version;
  };
  const content = {
    name: `${name}-functions`,
    version,
    license,
    private: true,
    type: 'module',
    main: 'index.js',
    engines,
    dependencies: Object.fromEntries(imports.map((wanted) => [wanted, locked(wanted)])),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function read(root: string, file: string): unknown {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'));
}
