// Licenses of the libraries that a bundle contains, as most of them ask for. Called by build.ts.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const LICENSE_FILE = /^(licen[cs]e|copying|notice)/i;

interface PackageJson {
  name: string;
  version: string;
  license: string;
}

/** @throws Error when a package has no file that says under which license it is */
export function noticesOf(folders: readonly string[]): string {
  const parts = folders.map((folder) => {
    const json = readFileSync(path.join(folder, 'package.json'), 'utf8');
    const { name, version, license } = JSON.parse(json) as PackageJson;
    const files = readdirSync(folder).filter((file) => LICENSE_FILE.test(file));
    if (files.length === 0) throw new Error(`${folder} has no license file.`);
    const texts = files.map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
    return [`${name} ${version} (${license})`, ...texts].join('\n\n');
  });
  const head = 'The programs in this folder contain these libraries.';
  return `${[head, ...parts].join(`\n\n${'-'.repeat(78)}\n\n`)}\n`;
}
