// Asks a person for project and zone, with what gcloud and Compute Engine know as choices.
import type { Readable } from 'node:stream';
import { ask } from '../ask.ts';
import { ClientError } from '../errors.ts';
import type { Io } from '../io.ts';
import { paintFor } from '../output/paint.ts';
import { DECLARATIONS } from './declarations.ts';
import { listConfigurations, type GcloudConfiguration } from './gcloud-configuration.ts';
import { noSuchProject, noSuchZone, type Zones } from './lookup.ts';
import type { Settings } from './settings.ts';
import type { Answers } from './sources.ts';

/** Of a project, if somebody is signed in. */
export type LookUpZones = (project: string) => Promise<Zones>;

interface Question {
  what: 'project' | 'zone';
  choices: readonly string[];
  example: string;
  /** What is wrong with an answer that has the right form. */
  check: (answer: string) => Promise<string | undefined>;
}

const ATTEMPTS = 3;

/** @throws Interrupted at Ctrl-C; ClientError after three answers that will not do */
export async function askPlace(
  settings: Settings,
  lookUp: LookUpZones,
  input: Readable,
  io: Io,
): Promise<Answers> {
  const configurations = listConfigurations(settings.gcloudDir);
  let zones: Zones;
  const project =
    settings.project ??
    (await choose(
      {
        what: 'project',
        choices: known(configurations, 'core/project'),
        example: 'my-project-123',
        check: async (answer) => {
          zones = await lookUp(answer);
          return zones === 'no project' ? noSuchProject(answer) : undefined;
        },
      },
      input,
      io,
    ));
  const answers: Answers = settings.project === undefined ? { project } : {};
  if (settings.zone !== undefined) return answers;
  zones ??= await lookUp(project);
  return { ...answers, zone: await askZone(project, configurations, zones, input, io) };
}

async function askZone(
  project: string,
  configurations: readonly GcloudConfiguration[],
  zones: Zones,
  input: Readable,
  io: Io,
): Promise<string> {
  const names = typeof zones === 'object' ? zones.names : undefined;
  const question: Question = {
    what: 'zone',
    choices: names ?? known(configurations, 'compute/zone'),
    example: 'europe-west1-b',
    check: (answer) =>
      Promise.resolve(
        names?.includes(answer) === false ? noSuchZone(answer, project, zones) : undefined,
      ),
  };
  return await choose(question, input, io);
}

function known(
  configurations: readonly GcloudConfiguration[],
  property: 'core/project' | 'compute/zone',
): string[] {
  const values = configurations.map(({ properties }) => properties.get(property) ?? '');
  return [...new Set(values)].filter((value) => value !== '').sort();
}

async function choose(question: Question, input: Readable, io: Io): Promise<string> {
  const { what, choices, example } = question;
  const paint = paintFor('stderr', io);
  const title = what === 'project' ? 'Which Google Cloud project?' : 'Which zone?';
  io.stderr.write(`${paint('bold', title)}\n${numbered(choices, io.columns ?? 80)}`);
  const form = choices.length > 0 ? 'a number, or type it' : `such as ${example}`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const typed = (await ask(`${what} (${form}): `, input, io)).trim();
    const answer = /^\d+$/.test(typed) ? (choices[Number(typed) - 1] ?? typed) : typed;
    const problem = formProblem(what, answer, choices.length) ?? (await question.check(answer));
    if (problem === undefined) return answer;
    io.stderr.write(`${problem}\n`);
  }
  throw new ClientError(`No ${what} was chosen. Give it with --${what}.`);
}

function formProblem(what: Question['what'], answer: string, choices: number): string | undefined {
  if (/^\d+$/.test(answer) && choices > 0) return `Give a number from 1 to ${choices}.`;
  const parsed = DECLARATIONS[what].schema.safeParse(answer);
  return parsed.success ? undefined : `The ${what} ${parsed.error.issues[0]?.message ?? ''}.`;
}

/** In columns, each read from top to bottom. */
function numbered(choices: readonly string[], width: number): string {
  const cells = choices.map((choice, index) => `${String(index + 1).padStart(4)}  ${choice}`);
  const cellWidth = Math.max(0, ...cells.map((cell) => cell.length)) + 2;
  const columns = choices.length <= 10 ? 1 : Math.max(1, Math.floor(width / cellWidth));
  const rows = Math.ceil(cells.length / columns);
  return Array.from({ length: rows }, (_, row) =>
    cells.filter((_, index) => index % rows === row).map((cell) => cell.padEnd(cellWidth)),
  )
    .map((line) => `${line.join('').trimEnd()}\n`)
    .join('');
}
