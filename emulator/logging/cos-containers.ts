// What Container-Optimized OS sends to Cloud Logging of an instance whose metadata asks for it: each line that a
// container prints is an entry. Called by the machines of compute/, for their runtime.
import { createHash } from 'node:crypto';
import type { InstanceRecord } from '../compute/state.ts';
import type { LogEntries, NewEntry } from './entries.ts';

const ATTRIBUTE = 'google-logging-enabled';

export type ContainerOutput = (
  instance: InstanceRecord,
  container: string,
  lines: readonly string[],
) => void;

export function logContainers(project: string, entries: LogEntries): ContainerOutput {
  return (instance, container, lines) => {
    if (!isEnabled(instance)) return;
    entries.write(...lines.map((line) => entryOf(project, instance, container, line)));
  };
}

function isEnabled({ resource }: InstanceRecord): boolean {
  const item = resource.metadata.items?.find(({ key }) => key === ATTRIBUTE);
  return item?.value.toLowerCase() === 'true';
}

function entryOf(
  project: string,
  { resource, zone }: InstanceRecord,
  container: string,
  line: string,
): NewEntry {
  const { id, name } = resource;
  return {
    logName: `projects/${project}/logs/cos_containers`,
    resource: { type: 'gce_instance', labels: { instance_id: id, project_id: project, zone } },
    labels: { 'compute.googleapis.com/resource_name': name },
    jsonPayload: {
      message: messageOf(line),
      'cos.googleapis.com/container_name': container,
      'cos.googleapis.com/container_id': createHash('sha256')
        .update(`${id} ${container}`)
        .digest('hex'),
      'cos.googleapis.com/stream': 'stderr',
    },
  };
}

/** A line that is a JSON object is parsed, all others keep their end. */
function messageOf(line: string): unknown {
  if (!line.startsWith('{')) return `${line}\n`;
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return `${line}\n`;
  }
}
