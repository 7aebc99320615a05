// The face that a world shows to the rows of the table (rows/): ours and that of stock Jupyter (stock-world.ts) have it, so
// that the same steps are taken in both. What is expected is said by the tests.
import type { Gateway } from '../helpers/jupyter-front-end.ts';
import type { Tab } from './tab.ts';
import type { Fault } from './way.ts';
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
  /** Where requests to the kernels' machine can be read, and their answers lost. */
  loseAnswerOf(request: string): Promise<void>;
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
    gateway: { url, token },
    openTab: () => world.openTab(),
    cut: (fault) => world.nearWay.cut(fault),
    mend: async () => {
      await Promise.all([world.nearWay.mend(), world.farWay.mend()]);
    },
    loseAnswerOf: (request) => world.farWay.cut({ kind: 'answerLost', request }),
    endUi: (signal) => world.relay.end(signal),
    startUi: () => world.relay.start(),
    end: () => world.end(),
  };
}
