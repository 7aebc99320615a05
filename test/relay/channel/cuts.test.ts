// How a channel of the relay notices that there is no way to the agent, and who is told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Relay } from '../../../client/relay/relay.ts';
import type { AgentScript } from '../scripted-agent.ts';
import { HEADERS, relayTo } from '../scripted-agent.ts';
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

describe('an agent that speaks no channels', () => {
  it('is told of once, with what to do, and to every front-end that it keeps out', async (t) => {
    const told: string[] = [];
    let tries = 0;
    const timings = { ...QUICK, longestPause: 50 };
    const onTrouble = (words: string) => told.push(words);
    const relay = await relayTo(t, { onSocket: () => (tries += 1) }, { timings, onTrouble });
    await kernelsRefusal(relay);
    await until('it was tried again', () => tries > 2);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /v1\.channel\.datalab.*older.*datalab-client stop/s);
    assert.ok((await kernelsRefusal(relay)).includes('v1.channel.datalab'));
  });
});

/** What a page reads that is not let in. */
async function kernelsRefusal(relay: Relay): Promise<string> {
  const url = `${relay.origin.replace('http', 'ws')}/api/kernels/k1/channels?session_id=s`;
  const front = new WebSocket(url, { headers: HEADERS });
  const [, response] = (await once(front, 'unexpected-response')) as [unknown, IncomingMessage];
  assert.equal(response.statusCode, 503);
  return await text(response);
}

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
    timings: { ...QUICK, hold: 10_000, ...timings },
    onState: (state: string) => states.push(state),
  };
  const relay = await agent.relay(t, options, script);
  const front = await openFront(t, relay);
  assert.deepEqual(states, ['up']);
  return { agent, script, front, states };
}
