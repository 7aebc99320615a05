// `list`: sessions as a table for a person.
import type { SessionView } from '../../functions/contract.ts';
import type { Io } from '../io.ts';
import { formatPast, formatRelative } from './durations.ts';
import { paintFor } from './paint.ts';
import { colourOf, kernelsOf } from './session-words.ts';
import { formatTable, type Column } from './table.ts';

export function sessionTable(sessions: readonly SessionView[], io: Io): string {
  const column = (
    header: string,
    textOf: (session: SessionView) => string,
    room: Pick<Column, 'rank' | 'least'>,
  ): Column => ({ header, cells: sessions.map((session) => ({ text: textOf(session) })), ...room });
  const owners = new Set(sessions.map(({ owner }) => owner.email));
  const columns: Column[] = [
    column('NAME', ({ name }) => name, { rank: 0 }),
    {
      header: 'STATE',
      cells: sessions.map(({ state }) => ({ text: state, colour: colourOf(state) })),
      rank: 0,
    },
    ...(owners.size > 1
      ? [column('OWNER', ({ owner }) => owner.email, { rank: 2, least: 10 })]
      : []),
    column('ZONE', ({ zone }) => zone, { rank: 5 }),
    column('MACHINE_TYPE', ({ machineType }) => machineType, { rank: 4 }),
    column('KERNELS', kernelSummary, { rank: 1 }),
    column('SLEEPS', (session) => sleepWords(session, io.now()), { rank: 3 }),
    column('CREATED', ({ createTime }) => formatPast(createTime, io.now()), { rank: 6 }),
    column('INSTANCE', ({ instance }) => instance?.name ?? '-', { rank: 7, least: 16 }),
  ];
  return formatTable(columns, io.outputColumns, paintFor('stdout', io));
}

/** `3 (1 busy)`; `-` where there are none. */
function kernelSummary(session: SessionView): string {
  const kernels = kernelsOf(session);
  const busy = kernels.filter(({ state }) => state === 'busy').length;
  if (kernels.length === 0) return '-';
  return busy === 0 ? String(kernels.length) : `${kernels.length} (${busy} busy)`;
}

/** Of one that is awake. */
function sleepWords({ state, awake }: SessionView, now: number): string {
  if (state !== 'READY' || !awake) return '-';
  if (awake.sleepTime === undefined) return 'when idle';
  return formatRelative(Math.max(now, Date.parse(awake.sleepTime)), now);
}
