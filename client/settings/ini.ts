// gcloud's property files: the dialect of Python's configparser, which gcloud reads them with. A library for INI files
// would take quotes, comments at the end of a line and continuation lines in another way.
import { ClientError } from '../errors.ts';

const COMMENT = /^[#;]/;
const SECTION = /^\[(.+)\]/;
/** The first `=` or `:` ends the key; keys do not care about case. */
const OPTION = /^([^=:]+?)\s*[=:]\s*(.*)$/;

/**
 * @param file for messages
 * @returns values by `section/key`
 * @throws ClientError with the line that is not understood, as gcloud would refuse the file too
 */
export function parseProperties(text: string, file: string): Map<string, string> {
  const lines = new Map<string, string[]>();
  let section: string | undefined;
  let current: string[] | undefined;
  let indent = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.trim();
    if (content === '' || COMMENT.test(content)) {
      if (content === '') current?.push('');
      continue;
    }
    const depth = line.search(/\S/);
    if (current && depth > indent) {
      // A value goes on in deeper lines.
      current.push(content);
      continue;
    }
    indent = depth;
    const heading = SECTION.exec(content)?.[1];
    if (heading !== undefined) {
      section = heading;
      current = undefined;
      continue;
    }
    const [, key, value = ''] = OPTION.exec(content) ?? [];
    const name = `${section ?? ''}/${key?.toLowerCase() ?? ''}`;
    if (section === undefined || key === undefined || lines.has(name))
      throw notUnderstood(file, index + 1, content);
    lines.set(name, (current = [value]));
  }
  // It interpolates, too: a percent sign is written twice.
  const whole = ([name, parts]: [string, string[]]): [string, string] => [
    name,
    parts.join('\n').trimEnd().replaceAll('%%', '%'),
  ];
  return new Map([...lines].map(whole));
}

function notUnderstood(file: string, line: number, content: string): ClientError {
  return new ClientError(
    `gcloud’s configuration ${file}, line ${line}, is not understood: ${content.slice(0, 60)}\n` +
      'gcloud refuses it too: mend the file, or choose another with: gcloud config configurations activate NAME',
  );
}
