// A notebook of 200 cells in which everything occurs that a kernel can say and be told: what the continuity test plays
// over and over. Every cell begins by writing its number into a list in the kernel, so that the kernel itself shows what
// ran, how often and in which order.

export interface Cell {
  number: number;
  /** The attempt is written down as well: a cell whose outcome is unknown is run again by whoever looks at it. */
  code(attempt: number): string;
  answer?: string;
  fails?: boolean;
  /** No cell, but a message of a widget with so many bytes. */
  bytes?: number;
}

/** Cells that are sent at once, as Run All does. */
export type Group = readonly Cell[];

export const CELLS = 200;

export const SETUP = `
import json, sys, threading, time
from IPython.display import HTML, Image, clear_output, display
from ipykernel.comm import Comm
_ran, _told = [], []

def _begin(number, attempt):
    _ran.append([number, attempt])

def _echo(comm, opening):
    @comm.on_msg
    def hear(message):
        value = message['content']['data']['value']
        _ran.append([value, 0])
        comm.send({'echo': value}, buffers=[bytes(part)[::-1] for part in message['buffers']])

def _tell(value):
    comm = Comm(target_name='told', data={'value': value})
    comm.on_msg(lambda message: _told.append(message['content']['data']['heard']))
    comm.send({'value': value}, buffers=[bytes([value % 256]) * 1000])

get_ipython().kernel.comm_manager.register_target('echo', _echo)
`;

export const LEDGER = 'print(json.dumps([_ran, _told]))';

/** The first half cell by cell, as somebody works; the second in runs of ten. */
export function notebook(): Group[] {
  const numbers = Array.from({ length: CELLS }, (_, index) => index + 1);
  const single = numbers.slice(0, CELLS / 2).map((number) => [cellOf(number)]);
  const rest = numbers.slice(CELLS / 2).map((number) => cellOf(number, true));
  const runs = Array.from({ length: rest.length / 10 }, (_, index) =>
    rest.slice(index * 10, index * 10 + 10),
  );
  return [...single, ...runs];
}

/** Messages of widgets are sent one by one: there is no order between them and cells. */
function cellOf(number: number, isInRun = false): Cell {
  if (number === 50) return plain(number, "display({'text/plain': 'y' * 20_000_000}, raw=True)");
  if (!isInRun && number % 10 === 7) return { number, code: () => '', bytes: number * 100 };
  if (!isInRun && number % 20 === 13) return { ...plain(number, ASKS), answer: `answer ${number}` };
  if (!isInRun && number % 20 === 5) return { ...plain(number, FAILS), fails: true };
  // Two of the runs fail in their midst: what follows is aborted.
  if (number === 125 || number === 174) return { ...plain(number, FAILS), fails: true };
  return plain(number, KINDS[number % KINDS.length] ?? '');
}

function plain(number: number, body: string): Cell {
  const code = body.replaceAll('NUMBER', String(number)).trim();
  return { number, code: (attempt) => `_begin(${number}, ${attempt})\n${code}` };
}

const ASKS = `
name = input('who? ')
print('hello', name)
`;

/** Far enough from the first line, which a traceback would show otherwise. */
const FAILS = `
print('before the error')
#
#
#
#
raise ValueError('cell NUMBER')
`;

const KINDS = [
  `
for line in range(20):
    print('line', line)
    time.sleep(0.002)
`,
  'NUMBER ** 2',
  `
shown = display('first', display_id=True)
for step in range(5):
    shown.update(f'update {step}')
    time.sleep(0.005)
`,
  "print('to stderr', NUMBER, file=sys.stderr)",
  '_tell(NUMBER)',
  "display(HTML('<b>NUMBER</b>'))\nprint('after the display')",
  `
for step in range(3):
    clear_output(wait=True)
    print('step', step)
    time.sleep(0.01)
`,
  'time.sleep(0.05)',
  "print('z' * 300_000)",
  "display(Image(data=bytes(range(256)) * 40, format='png'))",
  `
for number in range(200):
    display(number)
`,
];
