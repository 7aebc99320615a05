// Sessions as text for a person.
import type { SessionView } from '../../functions/contract.ts';

/** One line a session, columns as wide as their content. */
export function sessionTable(sessions: readonly SessionView[]): string {
  const rows = sessions.map((session) => [
    session.name,
    session.state,
    session.zone,
    session.machineType,
    session.instance?.name ?? '-',
    kernelSummary(session),
  ]);
  const table = [['NAME', 'STATE', 'ZONE', 'MACHINE_TYPE', 'INSTANCE', 'KERNELS'], ...rows];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Everything that one session says of itself, a line a fact. */
export function sessionDetails(session: SessionView): string {
  const facts: [string, string | undefined][] = [
    ['Session', session.name],
    ['Id', session.id],
    ['State', session.waitingFor ? `${session.state}: ${session.waitingFor}` : session.state],
    ['Error', session.error?.message],
    ['Owner', session.owner.email],
    ['Zone', session.zone],
    ['Machine', `${session.machineType}, ${session.diskSizeGb} GB disk`],
    ['Instance', session.instance && instanceSummary(session.instance)],
    ['Image', session.image],
    ['Kernels', kernelSummary(session)],
    ['Created', session.createTime],
  ];
  return facts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(9)} ${value ?? ''}`)
    .join('\n');
}

function instanceSummary(instance: NonNullable<SessionView['instance']>): string {
  return [instance.name, instance.status, instance.internalIp]
    .filter((part) => part !== undefined)
    .join(', ');
}

function kernelSummary(session: SessionView): string {
  const busy = session.kernels.filter((kernel) => kernel.state === 'busy').length;
  return session.kernels.length === 0 ? 'none' : `${session.kernels.length} (${busy} busy)`;
}
