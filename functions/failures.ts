// What failed, why, and what to do next, for the failures that we find ourselves (pure). Google's are worded in google/.
import type { Config } from './config.ts';
import type { SessionRecord, Trouble } from './record.ts';

export function instanceLost(record: SessionRecord): Trouble {
  const name = record.instance?.name ?? 'of this session';
  return {
    code: 'NOT_FOUND',
    message:
      `Instance ${name} was deleted outside of Datalab, and its disk with it. ` +
      'Start the session again to get a new instance.',
  };
}

export function stoppedWhileBooting(record: SessionRecord): Trouble {
  return {
    code: 'ABORTED',
    message:
      `Instance ${record.instance?.name ?? ''} was switched off before its gateway answered. ` +
      `${whereToLook(record)} Start the session again to boot it once more.`,
  };
}

export function neverReady(
  record: SessionRecord,
  { bootTimeoutSeconds }: Pick<Config, 'bootTimeoutSeconds'>,
): Trouble {
  const part = missingPart(record);
  return {
    code: 'DEADLINE_EXCEEDED',
    message:
      `The ${part} within ${bootTimeoutSeconds} s of the boot of instance ${record.instance?.name ?? ''}, ` +
      `which is kept and still runs. ${whereToLook(record)} ` +
      'Start the session again to go on waiting, or stop and start it to boot it once more.',
  };
}

function missingPart({ agent }: SessionRecord): string {
  if (!agent) return 'agent did not register';
  if (agent.report?.gatewayReady !== true) return 'gateway did not answer';
  return 'right to tunnel there was not given';
}

function whereToLook({ instance, spec }: SessionRecord): string {
  const target = `${instance?.name ?? ''} --zone ${instance?.zone ?? spec.zone}`;
  return `Its log: gcloud compute instances get-serial-port-output ${target}.`;
}
