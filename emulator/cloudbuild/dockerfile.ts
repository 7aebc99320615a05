// Reads a Dockerfile as docker does, into its instructions. Refuses what docker refuses, in its words. Pure; image-config.ts
// makes an image's configuration of them, docker.ts acts on both.
// https://docs.docker.com/reference/dockerfile/

export interface Instruction {
  /** Line in the file, from 1. */
  line: number;
  name: string;
  /** Continued lines joined, comments between them gone. */
  rest: string;
}

export class DockerfileError extends Error {}

const INSTRUCTIONS = new Set(
  (
    'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL ' +
    'USER VOLUME WORKDIR'
  ).split(' '),
);
const REFERENCE = /^[a-z0-9][a-z0-9._/:-]*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/;
const HEALTHCHECK_FLAG =
  /^--((interval|timeout|start-period)=(\d+(\.\d+)?(ms|s|m|h))+|retries=\d+)$/;
const HEREDOC = /<<-?(["']?)([A-Za-z_]\w*)\1/g;

/** @throws DockerfileError */
export function parseDockerfile(text: string): Instruction[] {
  const instructions: Instruction[] = [];
  const lines = text.split(/\r?\n/);
  const continues = continuation(lines);
  for (let at = 0; at < lines.length;) {
    const line = at + 1;
    const { joined, next } = join(lines, at, continues);
    at = next;
    if (joined === '') continue;
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(joined) ?? [];
    const name = word.toUpperCase();
    if (!INSTRUCTIONS.has(name)) throw parseError(line, `unknown instruction: ${word}`);
    if (rest === '') throw parseError(line, `${name} requires at least one argument`);
    if (['RUN', 'COPY', 'ADD'].includes(name)) at = skipHeredocs(lines, at, rest, line);
    instructions.push({ line, name, rest });
  }
  check(instructions);
  return instructions;
}

/** From `at`, the lines that a sign at their end joins; comments and, within it, empty lines are left out. */
function join(
  lines: readonly string[],
  at: number,
  continues: RegExp,
): { joined: string; next: number } {
  let joined = '';
  let next = at;
  while (next < lines.length) {
    const line = lines[next] ?? '';
    next += 1;
    if (/^\s*#/.test(line) || line.trim() === '') {
      if (joined === '') break;
      continue;
    }
    joined += (joined === '' ? line.trimStart() : line).replace(continues, '$1');
    if (!continues.test(line)) break;
  }
  return { joined: joined.trim(), next };
}

/** A backslash, unless a comment at the very beginning names another sign. One of two is a sign like others. */
function continuation(lines: readonly string[]): RegExp {
  let sign = '\\';
  for (const line of lines) {
    const [, name = '', value] = /^\s*#\s*([a-z]\w*)\s*=\s*(\S+)\s*$/i.exec(line) ?? [];
    if (value === undefined) break;
    if (name.toLowerCase() === 'escape') sign = value;
  }
  return sign === '`' ? /(^|[^`])`[ \t]*$/ : /(^|[^\\])\\[ \t]*$/;
}

/** The line behind the here-documents that an instruction opens. */
function skipHeredocs(lines: readonly string[], at: number, rest: string, line: number): number {
  let next = at;
  for (const [, , word = ''] of rest.matchAll(HEREDOC)) {
    const end = lines.findIndex((text, index) => index >= next && text.trim() === word);
    if (end === -1) throw parseError(line, `unterminated heredoc`);
    next = end + 1;
  }
  return next;
}

function check(instructions: readonly Instruction[]): void {
  const first = instructions.find(({ name }) => name !== 'ARG');
  if (!first) throw new DockerfileError('the Dockerfile (Dockerfile) cannot be empty');
  if (first.name !== 'FROM') throw new DockerfileError('no build stage in current context');
  for (const instruction of instructions) checkInstruction(instruction);
}

function checkInstruction(instruction: Instruction): void {
  const { line, name, rest } = instruction;
  if (name === 'FROM') checkFrom(rest, line);
  if (name === 'ENV' || name === 'LABEL') pairsOf(instruction);
  if (name === 'HEALTHCHECK') checkHealthcheck(rest, line);
  if ((name === 'COPY' || name === 'ADD') && copyOf(instruction).paths.length < 2) {
    throw parseError(line, `${name} requires at least two arguments, but only one was provided.`);
  }
  const bad =
    name === 'EXPOSE' &&
    rest.split(/\s+/).find((port) => !/^(\d+(-\d+)?(\/(tcp|udp))?|\$.+)$/.test(port));
  if (bad) throw new DockerfileError(`invalid containerPort: ${bad}`);
  if (name === 'SHELL' && !execForm(rest)) {
    throw parseError(line, 'SHELL requires the arguments to be in JSON form');
  }
}

function checkHealthcheck(rest: string, line: number): void {
  const { flags, command } = healthcheckParts(rest);
  const [type = ''] = command.split(/\s+/);
  if (!['NONE', 'CMD'].includes(type.toUpperCase())) {
    throw parseError(line, `Unknown type "${type}" in HEALTHCHECK (try CMD)`);
  }
  const odd = flags.find((flag) => !HEALTHCHECK_FLAG.test(flag));
  if (odd !== undefined) throw new DockerfileError(`unknown or invalid flag: ${odd}`);
}

/** Flags, and what is behind them. */
export function healthcheckParts(rest: string): { flags: string[]; command: string } {
  const [flags = ''] = /^(--\S+\s+)*/.exec(rest) ?? [];
  const words = flags.split(/\s+/).filter((word) => word !== '');
  return { flags: words, command: rest.slice(flags.length).trim() };
}

export function checkFrom(rest: string, line: number): void {
  const words = rest.split(/\s+/).filter((word) => !word.startsWith('--platform='));
  const [image = '', as] = words;
  if (words.length !== 1 && !(words.length === 3 && as?.toUpperCase() === 'AS')) {
    throw parseError(line, 'FROM requires either one or three arguments');
  }
  if (image.includes('$') || REFERENCE.test(image)) return;
  throw new DockerfileError(`failed to parse stage name "${image}": invalid reference format`);
}

/** Sources and target of COPY and ADD; `isForeign`: not from the context but from another stage or image. */
export function copyOf({ rest }: Instruction): { paths: string[]; isForeign: boolean } {
  const words = execForm(rest) ?? rest.split(/\s+/);
  const isForeign = words.some((word) => word.startsWith('--from='));
  return { paths: words.filter((word) => !word.startsWith('--')), isForeign };
}

/** `["a", "b"]` as a list; anything else is a shell's. */
export function execForm(rest: string): string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(rest);
    const isList = Array.isArray(parsed) && parsed.every((word) => typeof word === 'string');
    return isList ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** `a=b "c"="d e"`, or the old form `a b c` of one pair. */
export function pairsOf({ name, rest, line }: Instruction): [string, string][] {
  const words = rest.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs) ?? [];
  const [first = ''] = words;
  if (!first.includes('=')) {
    if (words.length < 2) throw parseError(line, `${name} must have two arguments`);
    return [[first, rest.slice(first.length).trim()]];
  }
  return words.map((word) => {
    const at = word.indexOf('=');
    if (at > 0) return [unquoted(word.slice(0, at)), unquoted(word.slice(at + 1))];
    throw parseError(
      line,
      `Syntax error - can't find = in "${word}". Must be of the form: name=value`,
    );
  });
}

function unquoted(text: string): string {
  return text.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs, (_, double, single, escaped) => {
    if (typeof double === 'string') return double.replace(/\\(["\\$])/g, '$1');
    return String(single ?? escaped);
  });
}

export function parseError(line: number, what: string): DockerfileError {
  return new DockerfileError(`dockerfile parse error line ${line}: ${what}`);
}
