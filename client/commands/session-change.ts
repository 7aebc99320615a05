// What suspend, stop, extend and delete have in common: the session, the wait until it is as asked, and what is said then.
import type { SessionView } from '../../functions/contract.ts';
import { openBackend, type Backend } from '../backend.ts';
import { Interrupted } from '../errors.ts';
import { findSession } from '../session/find.ts';
import type { Flags } from '../flags.ts';
import type { Io } from '../io.ts';
import { connectionFlags } from '../session/start-options.ts';
import { createProgress, type Stage } from '../output/progress.ts';
import { paragraph } from '../output/terminal-text.ts';

export interface Change {
  /** Such as `Suspend`. */
  stage: string;
  /** Asks whether it may be, where that is to be asked; throws if not. */
  consent?: (session: SessionView) => Promise<void>;
  /** Asks the API and waits until it is done; what it asks for is safe to ask for twice. */
  work: (session: SessionView, stage: Stage, api: Backend['api']) => Promise<SessionView>;
  event: 'suspended' | 'stopped' | 'deleted' | 'extended';
  /** Whether it was so already. */
  isDone?: (session: SessionView) => boolean;
  words: (session: SessionView, before: SessionView) => string;
}

export async function changeSession(change: Change, flags: Flags, io: Io): Promise<void> {
  await using backend = await openBackend(flags, io);
  const before = await findSession(backend, flags);
  const changed = !change.isDone?.(before);
  if (changed) await change.consent?.(before);
  const session = await followed(change, before, backend, flags, io);
  if (flags.json) {
    io.stdout.write(`${JSON.stringify({ event: change.event, changed, session })}\n`);
  } else if (!flags.quiet) {
    const already = `Session ${session.name} is ${change.event} already.`;
    const words = changed ? change.words(session, before) : already;
    io.stdout.write(`${paragraph(words, io.outputColumns)}\n`);
  }
}

/** Ctrl-C ends the waiting, not what the API has been asked for. */
async function followed(
  { stage: name, work }: Change,
  before: SessionView,
  { api }: Backend,
  flags: Flags,
  io: Io,
): Promise<SessionView> {
  try {
    using progress = createProgress(flags, io);
    return await progress.stage(name, (stage) => work(before, stage, api));
  } catch (error) {
    if (!io.interrupt.aborted) throw error;
    throw new Interrupted(
      'Interrupted. What was asked for goes on without you; ' +
        `see: datalab-client status${sameSession(before, flags)}`,
    );
  }
}

/** The flags that say which session again, for a command that a person can copy. */
export function sameSession({ name }: Pick<SessionView, 'name'>, flags: Flags): string {
  return [
    sameBackend(flags),
    ...(name === 'default' ? [] : [` --name ${name}`]),
    ...(flags.owner === undefined ? [] : [` --owner ${flags.owner}`]),
  ].join('');
}

/** Those of them that say which backend. */
export function sameBackend(flags: Flags): string {
  return connectionFlags(flags)
    .map((flag) => ` ${flag}`)
    .join('');
}

/** `session train`, and whose it is when that is somebody else. */
export function nameOf({ name }: Pick<SessionView, 'name'>, { owner }: Flags): string {
  return owner === undefined ? `session ${name}` : `session ${name} of ${owner}`;
}
