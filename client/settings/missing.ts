// What to say when nobody can be asked: every way to set what is missing.
import { ClientError } from '../errors.ts';
import { DECLARATIONS } from './declarations.ts';
import type { Settings } from './settings.ts';

/** For settings without the API's URL. @param file the configuration file, as a person writes it */
export function missingPlace({ project, zone }: Settings, file: string): ClientError {
  if (project?.includes(':')) return unusualProject(project);
  const names = [
    ...(project === undefined ? (['project'] as const) : []),
    ...(zone === undefined ? (['zone'] as const) : []),
  ];
  const what = names.map((name) => `no ${name}`).join(' and ');
  return new ClientError(
    [
      `${what.charAt(0).toUpperCase()}${what.slice(1)} is set, and the backend’s URL follows from both. Set`,
      ...names.flatMap((name) => waysToSet(name, file)),
      'or the URL itself, with --api-url or DATALAB_API_URL.',
      'To try everything on this machine, without an account: datalab-client start --emulator',
    ].join('\n'),
  );
}

function waysToSet(name: 'project' | 'zone', file: string): string[] {
  const { flag, variables, gcloud } = DECLARATIONS[name];
  const property = gcloud.replace('core/', '');
  const value = name.toUpperCase();
  return [
    `  ${name.padEnd(8)} ${flag} ${value}, the variable ${variables[0]}, "${name}" in ${file},`,
    `  ${' '.repeat(8)} or: gcloud config set ${property} ${value}`,
  ];
}

/** Of a domain: Google does not say what the URLs of its functions look like. */
function unusualProject(project: string): ClientError {
  return new ClientError(
    `The URL of the backend in project ${project} does not follow from its name. ` +
      'Set it with --api-url or DATALAB_API_URL; see it with: ' +
      `gcloud functions describe api --project ${project}`,
  );
}
