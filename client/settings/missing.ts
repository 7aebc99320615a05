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
  const keys = names.map((name) => `"${name}"`).join(' and ');
  return new ClientError(
    [
      `${what.charAt(0).toUpperCase()}${what.slice(1)} is set. Set`,
      ...names.map(waysToSet),
      `or ${keys} in ${file},`,
      'or the URL of the backend: --api-url, DATALAB_API_URL.',
      'To try it all on this machine: datalab-client start --emulator',
    ].join('\n'),
  );
}

function waysToSet(name: 'project' | 'zone'): string {
  const { flag, variables, gcloud } = DECLARATIONS[name];
  const property = gcloud.replace('core/', '');
  const ways = `${flag}, ${variables[0]}, or: gcloud config set ${property} ${name.toUpperCase()}`;
  return `  ${`${name}:`.padEnd(9)}${ways}`;
}

/** Of a domain: Google does not say what the URLs of its functions look like. */
function unusualProject(project: string): ClientError {
  return new ClientError(
    `The URL of the backend in project ${project} does not follow from its name. ` +
      'Set it with --api-url or DATALAB_API_URL; see it with: ' +
      `gcloud functions describe api --project ${project}`,
  );
}
