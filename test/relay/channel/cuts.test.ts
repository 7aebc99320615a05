// How a channel of the relay notices that there is no way to the agent, and who is told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { WebSocket } from 'ws';
import type { AgentScript } from '../scripted-agent.ts';
import type { RelayTimings } from '../../../client/relay/timings.ts';
import { until } from '../../helpers/until.ts';
import { PlayedAgent, QUICK, openFront } from './played-agent.ts';

describe('a way to the agent that is down', () => {
  for (const [what, timings, breakWay] of waysToBreak()) {
    it(`is reported when ${what}`, async (t) => {
      const { agent, states, script } = await cutWorld(t, timings);
      breakWay(agent, script);
      agent.cut();
      await until('it is reported', () => states.at(-1) === 'down');
      agent.isAnswering = true;
      delete script.refusal;
      await until('it is up again', () => states.at(-1) === 'up');
    });
  }

  it('is not reported for a cut that is over at once', async (t) => {
    const { agent, states } = await cutWorld(t, {});
    agent.cut();
    await until('it is there again', () => agent.hellos.length === 2);
    assert.deepEqual(states, ['up']);
  });

  it('is shown to a front-end in time, however often the agent is nearly reached', async (t) => {
    const { agent, front } = await cutWorld(t, { longestPause: 50, grace: 400 });
    const closed = once(front, 'close');
    agent.isCutting = true;
    agent.cut();
    assert.equal((await closed)[0], 1006);
  });
});

function waysToBreak() {
  return [
    [
      'its handshakes are refused',
      {},
      (_agent: PlayedAgent, script: AgentScript) => {
        script.refusal = () => 503;
      },
    ],
    [
      'it opens WebSockets and says nothing',
      { greeting: 200 },
      (agent: PlayedAgent) => {
        agent.isAnswering = false;
      },
    ],
  ] as const;
}

interface CutWorld {
  agent: PlayedAgent;
  script: AgentScript;
  front: WebSocket;
  /** What `onState` was told. */
  states: string[];
}

async function cutWorld(t: TestContext, timings: Partial<RelayTimings>): Promise<CutWorld> {
  const agent = new PlayedAgent();
  const script: AgentScript = {};
  const states: string[] = [];
  const options = {
    timings: { ...QUICK, ...timings },
    onState: (state: string) => states.push(state),
  };
  const relay = await agent.relay(t, options, script);
  const front = await openFront(t, relay);
  assert.deepEqual(states, ['up']);
  return { agent, script, front, states };
}
