// A build's log, line by line into Cloud Logging, with the words around them that Cloud Build adds.
import type { LogEntries } from '../logging/entries.ts';
import type { Build } from './state.ts';

export interface BuildLog {
  /** A line of Cloud Build itself. */
  say(line: string): void;
  /** A line that a step printed. @param step its index */
  ofStep(step: number, line: string): void;
}

const MAX_LINE = 100_000;
/** A step that prints without end must not fill the machine. */
const MAX_LINES = 20_000;

export function openBuildLog(build: Build, entries: LogEntries): BuildLog {
  let count = 0;
  const write = (textPayload: string, step?: string) => {
    count += 1;
    if (count > MAX_LINES || build.options.logging === 'NONE') return;
    const isLast = count === MAX_LINES;
    entries.write({
      logName: `projects/${build.projectId}/logs/cloudbuild`,
      resource: {
        type: 'build',
        labels: { build_id: build.id, build_trigger_id: '', project_id: build.projectId },
      },
      labels: { build_step: step ?? 'MAIN', ...tagLabels(build) },
      severity: 'INFO',
      textPayload: isLast
        ? 'The emulator keeps no more of this log.'
        : textPayload.slice(0, MAX_LINE),
    });
  };
  return {
    say: (line) => {
      write(line);
    },
    ofStep: (index, line) => {
      const name = stepName(build, index);
      write(`${name}: ${line}`, name);
    },
  };
}

/** `Step #1 - "image"` */
export function stepName({ steps }: Build, index: number): string {
  const id = steps[index]?.id;
  return `Step #${index}${id === undefined ? '' : ` - "${id}"`}`;
}

function tagLabels({ tags = [] }: Build): Record<string, string> {
  return tags.length === 0 ? {} : { build_tags: tags.join(',') };
}
