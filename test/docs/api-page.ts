// docs/api.md as a program: its blocks of shell, each with the answer that the page shows for it, and a run of them.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

export const PAGE = readFileSync(path.join(import.meta.dirname, '../../docs/api.md'), 'utf8');

export interface Block {
  script: string;
  /** What the page says that it prints; undefined: nothing is said. */
  shown: unknown;
}

export interface Call {
  status: number;
  method: string;
  url: URL;
  body: unknown;
}

export interface Ran {
  printed: string;
  calls: Call[];
}

export function blocksOf(page: string): Block[] {
  const fences = [...page.matchAll(/^```(sh|json)\n(.*?)^```$/gms)];
  return fences.flatMap(([, language, script = ''], index) => {
    if (language !== 'sh') return [];
    const [, nextLanguage, next = ''] = fences[index + 1] ?? [];
    return [{ script, shown: nextLanguage === 'json' ? (JSON.parse(next) as unknown) : undefined }];
  });
}

/** Writes what every call of curl sends and gets into a folder of its own, and passes it all on. */
const CURL = `
curl() {
  local call
  call=$(mktemp -d "$CALLS/call.XXXXXX")
  command curl -w '%{stderr}\\n%{http_code} %{method} %{url_effective}\\n' "$@" 2> "$call/meta" | tee "$call/body"
}
`;

/** One shell runs them all, as a reader's would. @throws what the first block that fails has printed on standard error */
export async function runBlocks(
  blocks: readonly Block[],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<Ran[]> {
  const places = blocks.map((_, index) => path.join(folder, `block-${index}`));
  const parts = blocks.map(({ script }, index) => {
    const place = places[index] ?? '';
    mkdirSync(place, { recursive: true });
    return `CALLS='${place}'\nexec > '${place}/printed'\n${script}`;
  });
  const file = path.join(folder, 'page.sh');
  writeFileSync(file, ['set -eu', CURL, ...parts].join('\n'));
  await promisify(execFile)('bash', [file], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
    timeout: 240_000,
  });
  return places.map((place) => ({
    printed: readFileSync(path.join(place, 'printed'), 'utf8'),
    calls: readdirSync(place)
      .filter((name) => name.startsWith('call.'))
      .map((name) => readCall(path.join(place, name))),
  }));
}

function readCall(folder: string): Call {
  const meta = readFileSync(path.join(folder, 'meta'), 'utf8').trim().split('\n').at(-1) ?? '';
  const [status = '', method = '', url = ''] = meta.split(' ');
  const body = JSON.parse(readFileSync(path.join(folder, 'body'), 'utf8')) as unknown;
  return { status: Number(status), method, url: new URL(url), body };
}

/** Where an answer is not what the page shows; `…` in a text stands for anything. */
export function differences(shown: unknown, answer: unknown, at = 'the answer'): string[] {
  if (Array.isArray(shown)) {
    if (!Array.isArray(answer) || answer.length !== shown.length) return [`${at}: not as long`];
    return shown.flatMap((one, index) => differences(one, answer[index], `${at}[${index}]`));
  }
  if (typeof shown === 'object' && shown !== null) {
    if (typeof answer !== 'object' || answer === null) return [`${at}: no object`];
    const fields = answer as Record<string, unknown>;
    return Object.entries(shown).flatMap(([name, value]) =>
      differences(value, fields[name], `${at}.${name}`),
    );
  }
  const isSame =
    typeof shown === 'string' && typeof answer === 'string'
      ? new RegExp(`^${shown.split('…').map(escaped).join('[^]+')}$`).test(answer)
      : shown === answer;
  return isSame ? [] : [`${at}: ${JSON.stringify(answer)}, not ${JSON.stringify(shown)}`];
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
