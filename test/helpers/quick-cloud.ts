// A whole backend for the real client program, in the test's process: boots take milliseconds, since its instances are
// the agent alone, and what goes wrong can be asked for.
import type { TestContext } from 'node:test';
import type { InstanceRuntime, RunningInstance } from '../../emulator/runtime/instance-runtime.ts';
import { session, listSessionsResponse, type SessionView } from '../../functions/contract.ts';
import { PROJECT, ZONE } from '../emulator/cloud-fixture.ts';
import type { Backend } from './backend.ts';
import { startFaultBackend } from './fault-backend.ts';
import { createReportingRuntime } from './reporting-runtime.ts';

export interface QuickCloud {
  backend: Backend;
  /** For the client: where the backend is, and who calls it. */
  env: Record<string, string>;
  /** From now on instances run and nothing on them answers; or they boot again as they should. */
  muteBoots(isMute: boolean): void;
  find(name: string): Promise<SessionView | undefined>;
  /** Asks for it as somebody else would who is the same user. */
  ask(name: string, method: string, verb?: string): Promise<void>;
}

export async function startQuickCloud(
  t: Pick<TestContext, 'after'>,
  environment: Record<string, string> = {},
): Promise<QuickCloud> {
  const boots = { isMute: false };
  const runtime = withMuteBoots(await createReportingRuntime(t), boots);
  const options = { seedGateway: false, runtime };
  const backend = await startFaultBackend(t, options, environment);
  const { urls, credentials } = backend.emulator.ready;
  const find = async (name: string) => {
    const answer = listSessionsResponse.parse(await backend.you.ok('GET', '/v1/sessions'));
    return answer.sessions.find((one) => one.name === name);
  };
  return {
    backend,
    env: {
      PROJECT_ID: PROJECT,
      ZONE,
      DATALAB_API_URL: urls.api,
      DATALAB_IAP_URL: urls.iap,
      DATALAB_COMPUTE_URL: new URL(urls.compute).origin,
      GOOGLE_APPLICATION_CREDENTIALS: credentials,
    },
    muteBoots: (isMute) => {
      boots.isMute = isMute;
    },
    find,
    ask: async (name, method, verb = '') => {
      const { id } = session.parse(await find(name));
      await backend.you.ok(method, `/v1/sessions/${id}${verb}`);
    },
  };
}

function withMuteBoots(runtime: InstanceRuntime, boots: { isMute: boolean }): InstanceRuntime {
  return {
    sweep: () => runtime.sweep(),
    remove: (instance) => runtime.remove(instance),
    boot: (spec) => (boots.isMute ? Promise.resolve(muteInstance(spec.name)) : runtime.boot(spec)),
  };
}

function muteInstance(name: string): RunningInstance {
  const end = Promise.withResolvers<'lost'>();
  const off = () => {
    end.resolve('lost');
    return Promise.resolve();
  };
  const nothing = () => Promise.resolve();
  return { name, ended: end.promise, freeze: nothing, thaw: nothing, shutDown: off, powerOff: off };
}
