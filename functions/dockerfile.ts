// A Dockerfile that extends the gateway image, read as far as it must be to say, before a build is asked for, what cannot
// work in one that has no files of the user's. Pure. Used by extension.ts.
// https://docs.docker.com/reference/dockerfile/
import { dockerfileLines } from './dockerfile-lines.ts';

export interface DockerfileProblem {
  /** From 1. */
  line: number;
  why: string;
}

interface Instruction {
  line: number;
  name: string;
  rest: string;
}

/** The build argument whose value is the project's image, pinned. */
export const BASE_ARGUMENT = 'BASE_IMAGE';

export function problemsOfDockerfile(text: string): DockerfileProblem[] {
  const instructions = instructionsIn(text);
  if (!instructions.some(({ name }) => name === 'FROM')) {
    const first = instructions[0]?.line ?? 1;
    return [
      {
        line: first,
        why: `there is no FROM: begin with ARG ${BASE_ARGUMENT} and FROM ${REFERENCE}`,
      },
    ];
  }
  return instructions.flatMap((instruction) => problemOf(instruction) ?? []);
}

/** Whether what it makes is the project's image and more: the last stage, or one that it begins from, begins with it. */
export function beginsFromBase(text: string): boolean {
  const stages = instructionsIn(text)
    .filter(({ name }) => name === 'FROM')
    .map(({ rest }) => stageOf(rest));
  let last = stages.length - 1;
  while (last >= 0) {
    const { image = '' } = stages[last] ?? {};
    if (/^\$(BASE_IMAGE|\{BASE_IMAGE(:-[^}]*)?\})$/.test(image)) return true;
    // Only a stage before it can be meant.
    last = stages.slice(0, last).findLastIndex(({ name }) => name === image.toLowerCase());
  }
  return false;
}

const REFERENCE = `\${${BASE_ARGUMENT}}`;

function stageOf(rest: string): { image: string; name: string | undefined } {
  const words = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
  return { image: words[0] ?? '', name: words[2]?.toLowerCase() };
}

function problemOf({ line, name, rest }: Instruction): DockerfileProblem | undefined {
  // Cloud Build's own network, which the build has to be in, is known to docker's older builder alone.
  if (HEREDOC_INSTRUCTIONS.includes(name) && HEREDOC.test(rest)) {
    return { line, why: 'here-documents are not known to this build: use RUN printf instead' };
  }
  if (name !== 'COPY' && name !== 'ADD') return undefined;
  const words = wordsOf(rest);
  if (words.some((word) => word.startsWith('--from='))) return undefined;
  const sources = words.filter((word) => !word.startsWith('--')).slice(0, -1);
  const isLoaded = name === 'ADD' && sources.every((source) => /^https?:\/\//.test(source));
  if (isLoaded && sources.length > 0) return undefined;
  const instead =
    name === 'COPY' ? 'only COPY --from=… has anything to copy' : 'only ADD https://… works';
  return { line, why: `${name} takes files that the build does not have: ${instead}` };
}

const HEREDOC_INSTRUCTIONS = ['RUN', 'COPY', 'ADD'];
/** Not a shell's `<<<`, nor an arithmetic `1<<2`. */
const HEREDOC = /(?<![<\d])<<-?(["']?)[A-Za-z_]\w*\1/;

/** The exec form as words too. */
function wordsOf(rest: string): string[] {
  const [, flags = '', list] = /^((?:--\S+\s+)*)(\[.*\])$/s.exec(rest) ?? [];
  if (list === undefined) return rest.split(/\s+/);
  try {
    const parsed: unknown = JSON.parse(list);
    const words = Array.isArray(parsed) ? parsed.map(String) : [];
    return [...flags.split(/\s+/).filter(Boolean), ...words];
  } catch {
    return rest.split(/\s+/);
  }
}

function instructionsIn(text: string): Instruction[] {
  return dockerfileLines(text).flatMap(({ line, content, isComment }) => {
    const [, word, rest = ''] = /^(\S+)\s*(.*)$/s.exec(content.trim()) ?? [];
    return isComment || word === undefined ? [] : [{ line, name: word.toUpperCase(), rest }];
  });
}
