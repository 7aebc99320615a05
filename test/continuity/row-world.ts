// The face that a world shows to the rows of the table (rows/): ours and that of stock Jupyter (stock-world.ts) have it, so
// that the same steps are taken in both. What is expected is said by the tests.
import type { Gateway } from '../helpers/jupyter-front-end.ts';
import type { Tab } from './tab.ts';
import type { Fault, Way } from './way.ts';
import type { World } from './world.ts';

export interface RowWorld {
  /** What takes a second in life takes so much of one here. */
  timeScale: number;
  /** What the kernels' machine itself says, past everything that is tried. */
  gateway: Gateway;
  /** To be opened on the notebook that it is about. */
  openTab(): Promise<Tab>;
  /** The way between the user's machine and the kernels'. */
  cut(fault: Fault): Promise<void>;
  mend(): Promise<void>;
  /** Of requests for a kernel or a notebook's session, on their way back; until it is mended. Resolves when one was lost. */
  loseAnswer(): Promise<void>;
  /** What a tab talks to on the user's machine. Resolves when it has ended. */
  endUi(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Where it was. */
  startUi(): Promise<void>;
  end(): Promise<void>;
}

export function rowWorldOf(world: World, timeScale: number): RowWorld {
  const { url, token } = world.gateway;
  return {
    timeScale,
    gateway: { url, token, scheme: 'token' },
    openTab: () => world.openTab(),
    cut: (fault) => world.nearWay.cut(fault),
    mend: async () => {
      await Promise.all([world.nearWay.mend(), world.farWay.mend()]);
    },
    loseAnswer: () => loseAnswer(world.farWay, 'POST /api/sessions'),
    endUi: (signal) => world.relay.end(signal),
    startUi: () => world.relay.start(),
    end: () => world.end(),
  };
}

export async function loseAnswer(way: Way, request: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const onLost = () => {
    resolve(undefined);
  };
  await way.cut({ kind: 'answerLost', request, onLost });
  await promise;
}
