// A process that boots instances of the docker runtime and then dies or lives, as the emulator does. Argument: JSON of
// InstanceOptions. Their startup script runs one container that counts, as vm-startup.sh runs the gateway.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createEngineDocker } from '../../emulator/engine/engine-docker.ts';
import { openEngine } from '../../emulator/engine/engine.ts';
import type { RunningInstance } from '../../emulator/runtime/instance-runtime.ts';
import { createScriptRuntime } from '../../emulator/runtime/script-runtime.ts';

export interface InstanceOptions {
  /** DOCKER_HOST; empty: what docker takes by itself. */
  host: string;
  folder: string;
  emulatorId: string;
  kind: 'namespace' | 'mark';
  names: string[];
}

const BASE_IMAGE = 'debian:trixie-slim';

export async function runtimeOf({ host, emulatorId, kind }: InstanceOptions) {
  return createScriptRuntime({
    emulatorId,
    docker: createEngineDocker({
      engine: await openEngine({ ...process.env, DOCKER_HOST: host }),
      emulatorId,
      cleaner: 'node:24-slim',
    }),
    searchPath: process.env['PATH'] ?? '',
    ...(kind === 'mark' ? { confinement: { kind: 'mark', prefix: [] } } : {}),
  });
}

export function countFile({ folder }: InstanceOptions, name: string): string {
  return path.join(folder, name, 'count');
}

export async function bootAll(
  options: InstanceOptions,
  onOutput?: (container: string, lines: readonly string[]) => void,
): Promise<RunningInstance[]> {
  const runtime = await runtimeOf(options);
  await runtime.sweep();
  const boots = options.names.map((name) => {
    mkdirSync(path.join(options.folder, name), { recursive: true });
    return runtime.boot({
      name,
      folder: path.join(options.folder, name),
      address: '127.0.0.1',
      metadataHost: '127.0.0.1:9',
      registryUrl: 'http://127.0.0.1:9',
      startupScript: startupScript(options, name),
      ...(onOutput ? { onOutput } : {}),
    });
  });
  return await Promise.all(boots);
}

/** While it is there, the instance's container ends as soon as it starts. */
export function brokenFile({ folder }: InstanceOptions, name: string): string {
  return path.join(folder, name, 'broken');
}

/** Begun again where it was; ends at once when it is asked to. */
function startupScript({ folder }: InstanceOptions, name: string): string {
  const counting = [
    '[ ! -e /state/broken ] || exit 1',
    'trap "echo asked to end; exit 0" TERM',
    'n=$(cat /state/count 2>/dev/null || echo 0)',
    'echo "counts from $n"',
    'while :; do n=$((n + 1)); echo $n >/state/new; mv /state/new /state/count; sleep 0.05; done',
  ].join('; ');
  return [
    '#!/bin/bash',
    `if docker inspect --format '{{.Config.Image}}' ${name}-gateway; then docker start ${name}-gateway`,
    `else docker run --detach --name ${name}-gateway --restart=always \\`,
    `  --volume ${path.join(folder, name)}:/state ${BASE_IMAGE} bash -c '${counting}'; fi`,
    'echo booted',
    'sleep infinity',
  ].join('\n');
}

if (process.argv[1] === import.meta.filename) {
  await bootAll(JSON.parse(process.argv[2] ?? '') as InstanceOptions);
  console.log('booted');
}
