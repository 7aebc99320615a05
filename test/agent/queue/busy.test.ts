// What a page that comes, or is loaded again, is told of the kernel.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isBusy } from '../../../agent/queue/state.ts';
import { Scene } from './scene.ts';

interface Case {
  name: string;
  happens: (scene: Scene) => void;
  isBusy: boolean;
}

const CASES: readonly Case[] = [
  { name: 'is idle before anything was asked', happens: () => undefined, isBusy: false },
  { name: 'is busy with a cell that has begun', happens: begin, isBusy: true },
  {
    name: 'is busy with a cell that waits for input',
    happens: (scene) => {
      begin(scene);
      scene.says({ type: 'input_request', of: 'cell', id: 'prompt' });
    },
    isBusy: true,
  },
  {
    name: 'is idle when it has said so, though the reply comes later',
    happens: (scene) => {
      begin(scene);
      scene.status('idle', 'cell');
    },
    isBusy: false,
  },
  {
    name: 'is idle when its process has gone in the middle of a cell',
    happens: (scene) => {
      begin(scene);
      scene.append({ kind: 'restarted', cause: 'restarted' });
    },
    isBusy: false,
  },
];

describe('a kernel, as its pages show it,', () => {
  for (const { name, happens, isBusy: expected } of CASES) {
    it(name, () => {
      const scene = new Scene('page');
      happens(scene);
      assert.equal(isBusy(scene.state), expected);
    });
  }
});

function begin(scene: Scene): void {
  scene.asks({ page: 'page', id: 'cell' });
  scene.does();
  scene.status('busy', 'cell');
}
