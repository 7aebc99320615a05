// The agent image on a real engine, started by the startup script beside a real gateway: what it may do there, and that it
// needs no more.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { ACCESS_TOKEN } from '../agent/api-server.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { until } from '../helpers/until.ts';
import { agentImage } from './agent-container.ts';
import { MAY_BUILD, requireEngine } from './engine.ts';
import { gatewayImage } from './gateway-container.ts';
import { bootMachine, type Machine } from './machine.ts';
import type { TestContext } from 'node:test';

describe('the agent image', () => {
  it('starts the agent without a shell and says what it is', MAY_BUILD, async (t) => {
    const docker = requireEngine(t);
    if (!docker) return;
    const image = await agentImage(docker);
    const text = await docker('image', 'inspect', '--format', '{{json .Config}}', image);
    const { Entrypoint: entrypoint, Labels: labels } = JSON.parse(text) as {
      Entrypoint: string[];
      Labels: Record<string, string>;
    };
    assert.deepEqual(entrypoint, ['node', '/opt/datalab/agent/bin.js']);
    assert.equal(labels['org.opencontainers.image.title'], 'Datalab agent');
    // No folder of programs but Node.js's own is on PATH: nothing else can be run by name.
    const bare = ['--rm', '--read-only', '--cap-drop', 'ALL', '--env', 'PATH=/usr/local/bin'];
    await assert.rejects(docker('run', ...bare, image), /The agent's environment is not complete/);
  });

  it(
    'runs as the startup script says: no capabilities, a root that is not written to',
    MAY_BUILD,
    async (t) => {
      const docker = requireEngine(t);
      if (!docker) return;
      const images = { gateway: await gatewayImage(docker), agent: await agentImage(docker) };
      const machine = await bootMachine(t, docker, images);
      const agent = `${machine.name}-agent`;
      await until(
        'the gateway is ready',
        () => machine.api.reports.at(-1)?.gatewayReady,
        180,
      ).catch((error: unknown) => {
        throw new Error(machine.log(), { cause: error });
      });
      const host = await docker('inspect', '--format', '{{json .HostConfig}}', agent);
      const { ReadonlyRootfs, CapDrop, SecurityOpt, Privileged } = JSON.parse(host) as HostConfig;
      assert.deepEqual([ReadonlyRootfs, Privileged, CapDrop], [true, false, ['ALL']]);
      assert.ok(SecurityOpt.includes('no-new-privileges'));
      const inside = (code: string) => docker('exec', agent, 'node', '-e', code);
      await assert.rejects(inside('fs.writeFileSync("/opt/x", "")'), /EROFS/);
      await inside('fs.writeFileSync("/var/lib/datalab-agent/x", "")');
      const front = { url: `http://${machine.address}:8888`, token: ACCESS_TOKEN };
      const kernel = await newKernel(front);
      assert.equal(await run(front, kernel, 'import pandas; 6 * 7'), '42');
      assert.deepEqual(machine.api.violations, []);
      await stopsBesideOthers(t, machine, kernel, front);
    },
  );
});

interface HostConfig {
  ReadonlyRootfs: boolean;
  CapDrop: string[];
  SecurityOpt: string[];
  Privileged: boolean;
}

/** It sees the kernels' processes, which are another user's: else all of the machine's work would count. */
async function stopsBesideOthers(
  t: TestContext,
  { api }: Machine,
  kernel: string,
  front: { url: string; token: string },
): Promise<void> {
  const other = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  t.after(() => other.kill('SIGKILL'));
  await until('the kernel is idle', () => api.lastKernel(kernel)?.state === 'idle');
  await untilAnswered(api, true);
  api.isAwake = true;
  const compute =
    'import threading\ndef forever():\n  while True: pass\nthreading.Thread(target=forever).start(); 1';
  await run(front, kernel, compute);
  await until('the kernel is idle', () => api.lastKernel(kernel)?.state === 'idle');
  await untilAnswered(api, false);
}

/**
 * Asked again, as the backend does: kernel and gateway may have had something left to do, and on a machine that others use
 * too, a thread may get next to nothing of the processors for as long as the agent looks.
 */
async function untilAnswered(api: Machine['api'], isAgreed: boolean): Promise<void> {
  const ask = async () => (await prepare(api, randomUUID())) === isAgreed;
  await until(`the agent ${isAgreed ? 'agrees' : 'refuses'}`, ask, 60);
}

async function prepare(api: Machine['api'], nonce: string): Promise<boolean> {
  api.isAwake = false;
  api.sleep = { nonce, action: 'prepare', by: 'stop' };
  const report = await until('the agent answers', () =>
    api.reports.find(({ sleep }) => sleep?.nonce === nonce),
  );
  return report.sleep?.isAgreed === true;
}
