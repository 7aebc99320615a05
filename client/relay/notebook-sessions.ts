// Notebook sessions live on the gateway, notebooks in a folder here: the folder's prefix goes on to a path that leaves
// and comes off one that returns, so that equal names in two folders do not meet. Pure; session-calls.ts uses it.
import { z } from 'zod';

const hasPath = z.looseObject({ path: z.string() });

/** Jupyter's session model, as far as the relay looks at it. `notebook` is the form of before 2017, still sent. */
const pathsModel = z.looseObject({ path: z.string().optional(), notebook: hasPath.optional() });
type PathsModel = z.infer<typeof pathsModel>;

const sessionModel = pathsModel.extend({
  kernel: z.looseObject({ id: z.string() }).nullish(),
});
export type SessionModel = z.infer<typeof sessionModel>;

const kernelModel = z.looseObject({ id: z.string() });

/**
 * @returns the body of a POST or PATCH with the prefix on its paths
 * @throws ZodError if it is no session: passed on as it is, its path might be taken for another folder's
 */
export function addFolder(body: unknown, folder: string): PathsModel {
  return mapPaths(pathsModel.parse(body), (path) => `${folder}/${path.replace(/^\/+/, '')}`);
}

/**
 * @returns the session with the prefix off its paths, or undefined if it belongs to another folder
 * @throws ZodError if it is no session
 */
export function stripFolder(answer: unknown, folder: string): SessionModel | undefined {
  const session = sessionModel.parse(answer);
  if (!isOfFolder(session, folder)) return undefined;
  return mapPaths(session, (path) => path.slice(folder.length + 1));
}

/** @throws ZodError if it is no list of sessions */
export function sessionsOfFolder(answer: unknown, folder: string): SessionModel[] {
  return z
    .array(sessionModel)
    .parse(answer)
    .map((session) => stripFolder(session, folder))
    .filter((session) => session !== undefined);
}

/**
 * Kernels less those that run other folders' notebooks: a page that sees one attaches to it. Kernels without a
 * notebook session stay, whoever started them.
 * @throws ZodError if an argument is not the gateway's list of them
 */
export function kernelsOfFolder(kernels: unknown, sessions: unknown, folder: string): unknown[] {
  const all = z.array(sessionModel).parse(sessions);
  const idsOf = (list: SessionModel[]) => new Set(list.flatMap(({ kernel }) => kernel?.id ?? []));
  const ours = idsOf(all.filter((session) => isOfFolder(session, folder)));
  const theirs = idsOf(all.filter((session) => !isOfFolder(session, folder)));
  return z
    .array(kernelModel)
    .parse(kernels)
    .filter(({ id }) => ours.has(id) || !theirs.has(id));
}

function isOfFolder(session: SessionModel, folder: string): boolean {
  const path = session.path ?? session.notebook?.path ?? '';
  return path.startsWith(`${folder}/`);
}

function mapPaths<T extends PathsModel>(session: T, change: (path: string) => string): T {
  const changed = { ...session };
  if (session.path !== undefined) changed.path = change(session.path);
  if (session.notebook) {
    changed.notebook = { ...session.notebook, path: change(session.notebook.path) };
  }
  return changed;
}
