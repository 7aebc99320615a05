// What bad luck gets `start` and `connect` once they serve, with the real program against one backend.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, type TestContext } from 'node:test';
import { session } from '../../../functions/contract.ts';
import {
  describeMisfortunes,
  ON_A_TERMINAL,
  READY,
  said,
  start,
  type Misfortune,
} from '../../helpers/misfortunes.ts';
import { startQuickCloud } from '../../helpers/quick-cloud.ts';

const forAll = { after } as unknown as Pick<TestContext, 'after'>;
/** No call fails here, so none is given up for being slow: all rows start at once. */
const PATIENCE = {
  CLAIM_SECONDS: '30',
  FUNCTION_TIMEOUT_SECONDS: '20',
  BUILD_CLAIM_SECONDS: '30',
};
const cloud = await startQuickCloud(forAll, PATIENCE);
const { backend, env } = cloud;

/** Made by `prepare` of the row that is run. */
let proxy: { url: string; cut: (isCut: boolean) => void };

const afterReady: Misfortune[] = [
  {
    title: 'another machine asked for than the session of that name has',
    prepare: () => backend.you.create({ name: 'small' }),
    args: start('small', '--machine-type', 'e2-standard-8'),
    env,
    says: [
      /Session small exists already, with another machineType/,
      /Asked for: machineType by --machine-type/,
      /give --name; to make this one anew: datalab-client delete --name small/,
    ],
    after: () => cloud.ask('small', 'DELETE'),
  },
  {
    title: 'deleted by somebody else after it was ready',
    args: start('gone-late'),
    env,
    during: async (client) => {
      await said(client, READY);
      await cloud.ask('gone-late', 'DELETE');
    },
    says: [/Session gone-late (is being|was) deleted/],
  },
  {
    title: 'its instance deleted outside of Datalab',
    args: start('lost'),
    env,
    during: async (client) => {
      await said(client, READY);
      const { id } = session.parse(await cloud.find('lost'));
      const [instance] = await backend.google.instances(id);
      assert.ok(instance);
      await backend.google.change('DELETE', instance);
    },
    says: [/Session lost failed: Instance .* was deleted outside of Datalab/],
    after: () => cloud.ask('lost', 'DELETE'),
  },
  ...(['suspend', 'stop'] as const).map((verb): Misfortune => {
    const [state, what] =
      verb === 'suspend'
        ? ['SUSPENDED', 'kernels and variables kept']
        : ['STOPPED', 'files kept, kernels gone'];
    return {
      title: `${state} by somebody else, and nobody at a terminal: that is its end, and no failure`,
      args: ({ content }) => ['connect', '--name', `to-${verb}`, content],
      env,
      during: async (client) => {
        await said(client, READY);
        await cloud.ask(`to-${verb}`, 'POST', `:${verb}`);
      },
      exitCode: 0,
      says: [
        new RegExp(`Session to-${verb} is ${state}: ${what}`),
        new RegExp(`Come back with: datalab-client connect --name to-${verb} `),
      ],
      saysNot: [ON_A_TERMINAL],
      after: () => cloud.ask(`to-${verb}`, 'DELETE'),
    };
  }),
  {
    title: 'the backend out of reach for a while: it is said, and is no end',
    args: start('patient'),
    prepare: async (_, t) => {
      proxy = await startProxy(t, new URL(env['DATALAB_API_URL'] ?? ''));
    },
    env: () => ({ ...env, DATALAB_API_URL: proxy.url }),
    during: async (client) => {
      await said(client, READY);
      proxy.cut(true);
      await said(client, /patient: READY · backend not reachable since \d\d:\d\d/);
      proxy.cut(false);
      await said(client, /backend not reachable[^]*patient: READY · no kernels · connected/);
      client.signal('SIGINT');
    },
    exitCode: 0,
    says: [/Session patient goes on without you/],
    after: () => cloud.ask('patient', 'DELETE'),
  },
];

// Side by side: each waits for the next look of its client, of which there is one every 15 s.
describeMisfortunes('after it was ready', afterReady, { concurrency: true });

/** Between the client and the API, so that the way can be cut. */
async function startProxy(t: TestContext, target: URL) {
  let isCut = false;
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    const onward = connect(Number(target.port), target.hostname);
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => undefined);
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    server.close();
    end();
  });
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    cut: (cut: boolean) => {
      isCut = cut;
      if (cut) end();
    },
  };
}
