// What a cut costs in memory: a kernel prints while the way to it is closed, and all of it comes when the way is open again.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openWay, type Way } from '../test/continuity/way.ts';
import { newKernel } from '../test/helpers/jupyter-front-end.ts';
import { startCloud } from './cloud.ts';
import { FrontEnd } from './front-end.ts';
import { serve, type Served } from './kernel-ways.ts';
import { forgetPeak, peakMegabytes } from './memory.ts';
import type { Place } from './place.ts';
import { addsAtMost, type Row } from './table.ts';

const OUTPUT_BYTES = 500 * 1_000_000;
const LIMIT_SECONDS = 120;
const LOOK_MILLISECONDS = 50;

export async function benchCut(place: Place, folder: string, signal: AbortSignal): Promise<Row[]> {
  const own = path.join(folder, `${place.name}-cut`);
  mkdirSync(own);
  await using cloud = await startCloud(place, path.join(own, 'cloud'), signal);
  await using parts = new AsyncDisposableStack();
  const way = await openWay(() => Number(new URL(cloud.urls.iap).port));
  parts.defer(() => way.close());
  const served = parts.use(await serve({ place, cloud, folder: own, signal, iapPort: way.port }));
  const kernelId = await newKernel(served.relay);
  const options = { gateway: served.relay, kernelId, signal, comesBack: true };
  const frontEnd = parts.use(await FrontEnd.open(options));
  const before = startOver(served);
  await printWhileCut(frontEnd, way, own, signal);
  return [
    rowOf(`agent (${place.name})`, served.agentProcessId, before.agent),
    rowOf(`relay (${place.name})`, served.relayProcessId, before.relay),
  ];
}

/** What they take now. */
function startOver({ agentProcessId, relayProcessId }: Served): { agent: number; relay: number } {
  for (const id of [agentProcessId, relayProcessId]) forgetPeak(id);
  return { agent: peakMegabytes(agentProcessId), relay: peakMegabytes(relayProcessId) };
}

/** The cell begins before the cut and ends in it. */
async function printWhileCut(
  frontEnd: FrontEnd,
  way: Way,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const [begun, cut, printed] = ['begun', 'cut', 'printed'].map((name) => path.join(folder, name));
  const output = frontEnd.execute(`
import pathlib, sys, time
pathlib.Path('${begun}').touch()
while not pathlib.Path('${cut}').exists():
    time.sleep(0.01)
block = 'x' * 999_999 + '\\n'
for _ in range(${OUTPUT_BYTES / 1_000_000}):
    sys.stdout.write(block)
    sys.stdout.flush()
pathlib.Path('${printed}').touch()
`);
  // Its failure is told below, when it is awaited.
  output.catch(() => undefined);
  await untilExists(begun ?? '', signal);
  await way.cut({ kind: 'refused' });
  mkdirSync(cut ?? '');
  await untilExists(printed ?? '', signal);
  await way.mend();
  const bytes = await output;
  if (bytes < OUTPUT_BYTES) throw new Error(`of ${OUTPUT_BYTES} bytes of output ${bytes} came`);
}

async function untilExists(file: string, signal: AbortSignal): Promise<void> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_SECONDS * 1000)]);
  while (!existsSync(file)) await delay(LOOK_MILLISECONDS, undefined, { signal: inTime });
}

function rowOf(what: string, processId: number, before: number): Row {
  return {
    what: `peak memory with 500 MB printed in a cut: ${what}`,
    ours: peakMegabytes(processId),
    beside: 'before',
    theirs: before,
    unit: 'MB',
    goal: addsAtMost(200),
  };
}
