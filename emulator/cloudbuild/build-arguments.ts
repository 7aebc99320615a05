// Build arguments: what `--build-arg` and ARG say, as docker's classic builder puts it into FROM and beside RUN. Pure;
// docker.ts acts on it. https://docs.docker.com/reference/dockerfile/#arg
import { checkFrom, DockerfileError, type Instruction } from './dockerfile.ts';

export interface Resolved {
  /** FROM with the image that is meant; what the history says of each, arguments included. */
  instructions: (Instruction & { history: string })[];
  /** Names that were given and that no ARG asks for. */
  unused: string[];
}

const NAME = /^[A-Za-z_]\w*$/;
const VARIABLE = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g;

/** @throws DockerfileError */
export function resolveArguments(
  instructions: readonly Instruction[],
  given: ReadonlyMap<string, string>,
): Resolved {
  const unused = new Set(given.keys());
  const ahead = new Map<string, string>();
  let known = ahead;
  let isInStage = false;
  const resolved = instructions.map((instruction) => {
    const { name, rest } = instruction;
    if (name === 'ARG') {
      for (const [key, standard] of declarationsIn(rest)) {
        unused.delete(key);
        const value = given.get(key) ?? standard ?? (isInStage ? ahead.get(key) : undefined);
        if (value !== undefined) known.set(key, value);
      }
    }
    if (name === 'FROM') {
      known = new Map();
      isInStage = true;
      const from = imageOf(instruction, ahead);
      return { ...instruction, rest: from, history: `FROM ${from}` };
    }
    const beside = name === 'RUN' ? besideRun(known) : '';
    return { ...instruction, history: `${name} ${beside}${rest}` };
  });
  return { instructions: resolved, unused: [...unused] };
}

/** `NAME`, `NAME=value`, several of them in newer dockers. */
function declarationsIn(rest: string): [string, string | undefined][] {
  return rest.split(/\s+/).map((word) => {
    const at = word.indexOf('=');
    const name = at === -1 ? word : word.slice(0, at);
    if (!NAME.test(name)) throw new DockerfileError(`ARG names can not be blank or odd: ${word}`);
    return [name, at === -1 ? undefined : word.slice(at + 1).replace(/^(["'])(.*)\1$/, '$2')];
  });
}

function imageOf({ rest, line }: Instruction, values: ReadonlyMap<string, string>): string {
  const image = rest.replace(
    VARIABLE,
    (_, braced?: string, plain?: string) => values.get(braced ?? plain ?? '') ?? '',
  );
  if (image.trim() === '') throw new DockerfileError(`base name (${rest}) should not be blank`);
  checkFrom(image, line);
  return image;
}

/** A command is another one when an argument is. */
function besideRun(values: ReadonlyMap<string, string>): string {
  if (values.size === 0) return '';
  const pairs = [...values].map(([key, value]) => `${key}=${value}`);
  return `|${values.size} ${pairs.join(' ')} `;
}
