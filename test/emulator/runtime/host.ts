// A process that boots instances and then dies or lives, as the emulator does. Argument: JSON of HostOptions.
import path from 'node:path';
import { readFileSync } from 'node:fs';
import { createProcessDocker } from '../../../emulator/runtime/process-docker.ts';
import { createScriptRuntime } from '../../../emulator/runtime/script-runtime.ts';
import { startCloud } from './cloud.ts';

export interface HostOptions {
  folder: string;
  emulatorId: string;
  kind: 'namespace' | 'mark';
  instances: Record<string, string>;
}

const ROOT = path.join(import.meta.dirname, '../../..');

export function runtimeFor(options: Pick<HostOptions, 'emulatorId' | 'kind'>) {
  return createScriptRuntime({
    emulatorId: options.emulatorId,
    docker: createProcessDocker(path.join(import.meta.dirname, 'quiet-agent.ts')),
    searchPath: process.env['PATH'] ?? '',
    ...(options.kind === 'mark' ? { confinement: { kind: 'mark', prefix: [] } } : {}),
  });
}

export async function bootAll(options: HostOptions) {
  const cloud = await startCloud(options.instances);
  const runtime = runtimeFor(options);
  await runtime.sweep();
  const boots = Object.entries(options.instances).map(([name, address]) =>
    runtime.boot({
      name,
      folder: path.join(options.folder, name),
      address,
      metadataHost: `${address}:8880`,
      registryUrl: cloud.registryUrl,
      startupScript: readFileSync(path.join(ROOT, 'docker/gateway/vm-startup.sh'), 'utf8'),
    }),
  );
  return { cloud, runtime, instances: await Promise.all(boots) };
}

if (process.argv[1] === import.meta.filename) {
  await bootAll(JSON.parse(process.argv[2] ?? '') as HostOptions);
  console.log('booted');
}
