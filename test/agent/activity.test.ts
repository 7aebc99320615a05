// When a kernel is busy: tables of what was seen, and what the agent makes of it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { activityOf, afterListing } from '../../agent/activity.ts';
import {
  afterAnswer,
  afterChannelClosed,
  afterChannelOpened,
  afterRequest,
} from '../../agent/kernel-messages.ts';
import type { KernelRecord } from '../../agent/kernel-record.ts';
import { afterRestart, newKernel } from '../../agent/kernel-record.ts';
import type { KernelMessage } from '../../agent/message.ts';

type Step = (kernel: KernelRecord, now: number) => KernelRecord;

const opened: Step = afterChannelOpened;
const closed: Step = afterChannelClosed;
const restarted: Step = afterRestart;
const asks =
  (type: string, id: string, channel = 'shell'): Step =>
  (kernel, now) =>
    afterRequest(kernel, { channel, type, id }, now);
const says =
  (type: string, parent?: [type: string, id: string], more: Partial<KernelMessage> = {}): Step =>
  (kernel, now) => {
    const message: KernelMessage = { channel: 'iopub', type, id: `${type} at ${now}`, ...more };
    if (parent) message.parent = { type: parent[0], id: parent[1], isSubshell: false };
    return afterAnswer(kernel, message, now);
  };
const status = (executionState: string, type?: string, id = ''): Step =>
  says('status', type === undefined ? undefined : [type, id], { executionState });
const cell = (id: string) => asks('execute_request', id);
const busy = (id: string) => status('busy', 'execute_request', id);
const idle = (id: string) => status('idle', 'execute_request', id);
const reply = (id: string) => says('execute_reply', ['execute_request', id], { channel: 'shell' });
/** `lastActivityAgo` in seconds. */
const listed =
  (executionState: string, lastActivityAgo = 0): Step =>
  (kernel, now) => {
    const lastActivity = now - lastActivityAgo * 1000;
    return afterListing(
      kernel,
      { id: 'k', name: 'python3', executionState, lastActivity },
      now,
      now,
    );
  };
/** The gateway was asked before the last step and answers after it. */
const listedLate =
  (executionState: string): Step =>
  (kernel, now) => {
    const item = { id: 'k', name: 'python3', executionState, lastActivity: now };
    return afterListing(kernel, item, now - 15_000, now);
  };
const control = (state: string, id: string) => status(state, 'kernel_info_request', id);

const CASES: [name: string, state: string, steps: Step[]][] = [
  ['nothing was asked', 'idle', [opened, listed('idle')]],
  ['a cell was sent', 'busy', [opened, cell('a')]],
  ['a cell runs', 'busy', [opened, cell('a'), busy('a')]],
  ['a cell has ended', 'idle', [opened, cell('a'), busy('a'), reply('a'), idle('a')]],
  ['a cell was answered and its idle is due', 'busy', [opened, cell('a'), busy('a'), reply('a')]],
  ['another cell waits', 'busy', [opened, cell('a'), cell('b'), busy('a'), idle('a')]],
  [
    'a kernel_info_request on the control channel is answered in the middle of a cell',
    'busy',
    [
      opened,
      cell('a'),
      busy('a'),
      asks('kernel_info_request', 'i', 'control'),
      control('busy', 'i'),
      control('idle', 'i'),
      listed('idle'),
    ],
  ],
  ['a cell of somebody else runs', 'busy', [opened, busy('other')]],
  ['the list says idle while a cell runs', 'busy', [opened, cell('a'), busy('a'), listed('idle')]],
  ['an old list says busy', 'idle', [opened, listed('busy'), cell('a'), busy('a'), idle('a')]],
  ['the idle was lost, but not the reply', 'idle', [opened, cell('a'), reply('a'), listed('idle')]],
  [
    'the list was made before the reply',
    'busy',
    [opened, cell('a'), reply('a'), listedLate('idle')],
  ],
  [
    'a slow channel delivers busy after a fast one delivered idle',
    'idle',
    [opened, opened, cell('a'), busy('a'), idle('a'), busy('a')],
  ],
  [
    'input() waits',
    'waitingForInput',
    [opened, cell('a'), busy('a'), says('input_request', ['execute_request', 'a'])],
  ],
  [
    'input() was answered',
    'busy',
    [
      opened,
      cell('a'),
      busy('a'),
      says('input_request', ['execute_request', 'a']),
      asks('input_reply', 'r', 'stdin'),
    ],
  ],
  [
    'input() was interrupted',
    'idle',
    [opened, cell('a'), busy('a'), says('input_request', ['execute_request', 'a']), idle('a')],
  ],
  ['a widget runs code', 'busy', [opened, status('busy', 'comm_msg', 'c')]],
  [
    'a widget has run code',
    'idle',
    [opened, status('busy', 'comm_msg', 'c'), status('idle', 'comm_msg', 'c')],
  ],
  ['the kernel died and starts anew', 'idle', [opened, cell('a'), busy('a'), status('restarting')]],
  ['the kernel was restarted', 'idle', [opened, cell('a'), busy('a'), restarted]],
  [
    'the kernel was shut down',
    'idle',
    [opened, cell('a'), busy('a'), says('shutdown_reply', ['shutdown_request', 's'])],
  ],
  [
    'somebody was answered that the kernel was not shut down',
    'busy',
    [
      opened,
      cell('a'),
      busy('a'),
      says('shutdown_reply', ['shutdown_request', 's'], { channel: 'control' }),
    ],
  ],
  // No channel: the gateway's list counts.
  ['the list says busy', 'busy', [listed('busy')]],
  ['the list says starting', 'starting', [listed('starting')]],
  ['the list still says starting, and nobody has opened it', 'idle', [listed('starting', 601)]],
  [
    'the list says starting, but it has answered',
    'idle',
    [listed('starting'), opened, control('idle', 'i'), listed('starting', 20), closed],
  ],
  ['the list says dead', 'dead', [listed('dead')]],
  ['the list says something new', 'busy', [listed('hibernating')]],
  ['the page closed in mid-cell', 'busy', [opened, cell('a'), busy('a'), closed]],
  ['… and the list says busy', 'busy', [opened, cell('a'), busy('a'), closed, listed('busy')]],
  ['… and the list says idle', 'idle', [opened, cell('a'), busy('a'), closed, listed('idle')]],
  [
    '… and a list made before that says idle',
    'busy',
    [opened, cell('a'), busy('a'), closed, listedLate('idle')],
  ],
  [
    '… after a request on the control channel, whose idle is what the list shows',
    'busy',
    [opened, cell('a'), busy('a'), control('idle', 'i'), closed, listed('idle', 20)],
  ],
  [
    '… after a request on the control channel, and the list shows a later idle',
    'idle',
    [opened, cell('a'), busy('a'), control('idle', 'i'), closed, listed('idle', 1)],
  ],
  [
    'a new page is open, and its request to the shell was answered behind the cell',
    'idle',
    [
      opened,
      cell('a'),
      busy('a'),
      closed,
      opened,
      asks('kernel_info_request', 'i'),
      control('busy', 'i'),
      control('idle', 'i'),
    ],
  ],
  [
    'a new page is open while the cell still runs',
    'busy',
    [opened, cell('a'), busy('a'), closed, opened, asks('kernel_info_request', 'i')],
  ],
  [
    'a new page sees the next cell run and end',
    'idle',
    [opened, cell('a'), busy('a'), closed, opened, cell('b'), busy('b'), idle('b')],
  ],
  [
    'one of two pages closed in mid-cell',
    'busy',
    [opened, opened, cell('a'), closed, listed('idle')],
  ],
];

describe('a kernel', () => {
  for (const [name, state, steps] of CASES) {
    it(`is ${state} when ${name}`, () => {
      assert.equal(run(steps).state, state);
    });
  }

  const IDLE_TIMES: [name: string, seconds: number, steps: Step[]][] = [
    ['a cell ended', 10, [opened, cell('a'), busy('a'), says('stream'), idle('a')]],
    ['it runs a cell', 0, [opened, cell('a'), busy('a')]],
    [
      'a page asks for kernel_info',
      20,
      [opened, cell('a'), idle('a'), asks('kernel_info_request', 'i')],
    ],
    ['only the gateway saw it', 120, [listed('idle', 120)]],
    ['a thread prints', 0, [opened, cell('a'), idle('a'), says('stream')]],
    [
      'a thread prints and no page is open',
      3,
      [opened, cell('a'), idle('a'), closed, listed('idle', 3)],
    ],
  ];
  for (const [name, seconds, steps] of IDLE_TIMES) {
    it(`has been idle for ${seconds} s when ${name}`, () => {
      assert.equal(run(steps).idleSeconds, seconds);
    });
  }
});

/** Ten seconds between two steps. */
function run(steps: Step[]) {
  let now = 1_000_000_000;
  let kernel = newKernel(now);
  for (const step of steps) {
    now += 10_000;
    kernel = step(kernel, now);
  }
  return activityOf('k', kernel, now);
}
