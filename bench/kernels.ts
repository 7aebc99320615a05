// Kernels as a notebook has them: how much they print and how fast they answer through our way, beside their gateway itself
// and gcloud's tunnel to it; and what a cut costs in memory.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { newKernel, type Gateway } from '../test/helpers/jupyter-front-end.ts';
import { startCloud, hasGcloud } from './cloud.ts';
import { FrontEnd } from './front-end.ts';
import { openGcloudTunnel, serve } from './kernel-ways.ts';
import type { Place } from './place.ts';
import { addsAtMost, median, ratioAtMost, type Row } from './table.ts';

const OUTPUT_BYTES = 100 * 1_000_000;
/** One way after the other, so that what else the machine does slows all alike. */
const TURNS = 10;

const LARGE = `
import sys
block = 'x' * 999_999 + '\\n'
for _ in range(${OUTPUT_BYTES / 1_000_000}):
    sys.stdout.write(block)
    sys.stdout.flush()
`;
const LINES = `
line = 'x' * 99
for _ in range(${OUTPUT_BYTES / 100}):
    print(line)
`;

export interface Counts {
  outputs: number;
  roundTrips: number;
}

interface Way {
  name: 'direct' | 'ours' | 'gcloud';
  frontEnd: FrontEnd;
}

interface Measured {
  large: number[];
  lines: number[];
  roundTrips: number[];
}

export async function benchKernels(
  place: Place,
  counts: Counts,
  folder: string,
  signal: AbortSignal,
): Promise<Row[]> {
  const own = path.join(folder, `${place.name}-kernels`);
  mkdirSync(own);
  await using cloud = await startCloud(place, path.join(own, 'cloud'), signal);
  await using parts = new AsyncDisposableStack();
  const served = parts.use(await serve({ place, cloud, folder: own, signal }));
  const ways = [
    await wayTo('direct', served.gateway, parts, signal),
    await wayTo('ours', served.relay, parts, signal),
  ];
  if (hasGcloud()) {
    const tunnel = parts.use(await openGcloudTunnel(served, cloud, signal));
    ways.push(await wayTo('gcloud', tunnel.gateway, parts, signal));
  }
  return rowsOf(await measure(ways, counts), place);
}

async function wayTo(
  name: Way['name'],
  gateway: Gateway,
  parts: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Way> {
  const kernelId = await newKernel(gateway);
  return { name, frontEnd: parts.use(await FrontEnd.open({ gateway, kernelId, signal })) };
}

async function measure(ways: readonly Way[], counts: Counts): Promise<Map<Way['name'], Measured>> {
  const all = new Map<Way['name'], Measured>();
  for (const { name } of ways) all.set(name, { large: [], lines: [], roundTrips: [] });
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const { name, frontEnd } of ways) {
      for (let count = 0; count < counts.roundTrips / TURNS; count += 1) {
        all.get(name)?.roundTrips.push(await frontEnd.roundTrip());
      }
    }
  }
  for (let round = 0; round < counts.outputs; round += 1) {
    for (const { name, frontEnd } of ways) {
      all.get(name)?.large.push(await timeOfOutput(frontEnd, LARGE));
      all.get(name)?.lines.push(await timeOfOutput(frontEnd, LINES));
    }
  }
  return all;
}

async function timeOfOutput(frontEnd: FrontEnd, code: string): Promise<number> {
  const since = performance.now();
  const bytes = await frontEnd.execute(code);
  const milliseconds = performance.now() - since;
  if (bytes < OUTPUT_BYTES) throw new Error(`of ${OUTPUT_BYTES} bytes of output ${bytes} came`);
  return milliseconds;
}

function rowsOf(all: ReadonlyMap<Way['name'], Measured>, place: Place): Row[] {
  const of = (name: Way['name'], key: keyof Measured) => median(all.get(name)?.[key] ?? []);
  const row = (what: string, key: keyof Measured, beside: Way['name']): Row => ({
    what: `${what} (${place.name})`,
    ours: of('ours', key),
    beside: beside === 'direct' ? 'straight to the gateway' : "gcloud's tunnel to the gateway",
    theirs: of(beside, key),
    unit: 'ms',
  });
  const outputs = [
    ['100 MB of output, messages of 1 MB', 'large'],
    ['100 MB of output, printed in lines', 'lines'],
  ] as const;
  const rows: Row[] = outputs.map(([what, key]) => ({
    ...row(what, key, 'direct'),
    goal: ratioAtMost(2),
  }));
  rows.push({
    ...row('a question to a kernel and its answer', 'roundTrips', 'direct'),
    goal: addsAtMost(1),
  });
  if (!all.has('gcloud')) return rows;
  return [
    ...rows,
    ...outputs.map(([what, key]) => ({
      ...row(what, key, 'gcloud'),
      goal: ratioAtMost(0.2),
    })),
    row('a question to a kernel and its answer', 'roundTrips', 'gcloud'),
  ];
}
