// What front-ends are told while the way to the agent is cut, silent, or breaks off in the middle of an answer.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Relay, RelayOptions } from '../../client/relay/relay.ts';
import { ask } from '../helpers/ask.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/until.ts';
import { HEADERS, relayTo } from './scripted-agent.ts';

const PATIENT = { timings: { read: 10_000, change: 10_000, create: 10_000 } };

describe('while the way is down', { timeout: 60_000 }, () => {
  it('a notebook that was just opened, renamed, given another kernel or closed is in the lists so', async (t) => {
    const agent = await startAgent(t);
    for (const path of ['/api/sessions', '/api/kernels']) await agent.call('GET', path);
    const lists = async () => {
      agent.script = unavailable;
      const known: unknown[] = [];
      for (const path of ['/api/sessions', '/api/kernels']) {
        const { status, json } = await agent.call('GET', path);
        assert.equal(status, 200);
        known.push(json);
      }
      return known;
    };
    const made = { id: 's', path: 'f/n.ipynb', kernel: { id: 'k' } };
    agent.script = replyWith(201, made);
    await agent.call('POST', '/api/sessions', { path: 'n.ipynb' });
    assert.deepEqual(await lists(), [[{ ...made, path: 'n.ipynb' }], [{ id: 'k' }]]);

    const changed = { id: 's', path: 'f/new.ipynb', kernel: { id: 'k2' } };
    agent.script = replyWith(200, changed);
    await agent.call('PATCH', '/api/sessions/s', { path: 'new.ipynb' });
    assert.deepEqual(await lists(), [[{ ...changed, path: 'new.ipynb' }], [{ id: 'k2' }]]);

    agent.script = replyWith(201, { id: 'k3' });
    await agent.call('POST', '/api/kernels', {});
    agent.script = replyWith(404, {});
    await agent.call('GET', '/api/sessions/s');
    assert.deepEqual(await lists(), [[], [{ id: 'k3' }]]);

    agent.script = replyWith(204);
    await agent.call('DELETE', '/api/kernels/k3');
    assert.deepEqual(await lists(), [[], []]);
  });

  it('a notebook is renamed and closed as soon as there is a way again', async (t) => {
    const agent = await startAgent(t, { timings: { ...PATIENT.timings, read: 0 } });
    const session = { id: 's', path: 'f/n.ipynb', kernel: { id: 'k' } };
    for (const [method, status] of [
      ['PATCH', 200],
      ['DELETE', 204],
    ] as const) {
      let refusals = 3;
      agent.script = (request, response) => {
        refusals -= 1;
        if (refusals >= 0) unavailable(request, response);
        else replyWith(request.method === 'DELETE' ? 204 : 200, session)(request, response);
      };
      assert.equal((await agent.call(method, '/api/sessions/s')).status, status);
    }
  });

  it('a change that does not get through is answered with words', async (t) => {
    const agent = await startAgent(t);
    agent.script = unavailable;
    for (const method of ['PATCH', 'DELETE']) {
      const { status, json } = await agent.call(method, '/api/sessions/s');
      assert.equal(status, 503);
      assert.match((json as { message: string }).message, /cannot be reached/);
    }
  });

  it('a kernel of which the agent cannot tell whether it was made is answered in the agent’s words', async (t) => {
    const agent = await startAgent(t);
    agent.script = replyWith(503, { message: 'There is no sign of it yet.' });
    const { status, json } = await agent.call('POST', '/api/kernels', {});
    assert.equal(status, 503);
    assert.equal((json as { message: string }).message, 'There is no sign of it yet.');
  });

  it('a notebook that is gone when it is renamed again is gone, one that is closed again is closed', async (t) => {
    const agent = await startAgent(t, PATIENT);
    for (const [method, status] of [
      ['PATCH', 404],
      ['DELETE', 204],
    ] as const) {
      let isGone = false;
      agent.script = (request, response) => {
        if (request.method === 'GET') replyWith(200, { id: 's', path: 'f/n' })(request, response);
        else if (isGone) replyWith(404, {})(request, response);
        else {
          isGone = true;
          response.destroy();
        }
      };
      assert.equal((await agent.call(method, '/api/sessions/s')).status, status);
    }
  });
});

describe('while the way is silent', { timeout: 60_000 }, () => {
  it('what was last known is said after two seconds, and the agent is asked once', async (t) => {
    const clock = new ManualClock();
    const agent = await startAgent(t, { clock });
    agent.script = replyWith(200, [{ id: 'k' }]);
    await agent.call('GET', '/api/kernelspecs');
    const held: ServerResponse[] = [];
    agent.script = (_, response) => held.push(response);
    const first = agent.call('GET', '/api/kernelspecs');
    await until('it is asked for', () => held.length === 1);
    clock.advance(1_900);
    const second = agent.call('GET', '/api/kernelspecs?1');
    const early = await Promise.race([first, second, agent.call('GET', '/nowhere')]);
    assert.equal(early.status, 404);
    clock.advance(200);
    for (const { status, json } of [await first, await second]) {
      assert.deepEqual([status, json], [200, [{ id: 'k' }]]);
    }
    assert.equal((await agent.call('GET', '/api/kernelspecs?2')).status, 200);
    assert.equal(held.length, 1);
    // What comes late is what is known from then on.
    for (const response of held) replyWith(200, [])(undefined, response);
    agent.script = unavailable;
    await until('it is known', async () => {
      const { json } = await agent.call('GET', '/api/kernelspecs');
      return Array.isArray(json) && json.length === 0;
    });
  });

  it('a list that was asked for before a change is not the answer to who asks after it', async (t) => {
    const agent = await startAgent(t);
    const held: ServerResponse[] = [];
    agent.script = (_, response) => held.push(response);
    const before = agent.call('GET', '/api/sessions');
    await until('it is asked for', () => held.length === 1);
    const session = { id: 's', path: 'f/n.ipynb', kernel: { id: 'k' } };
    agent.script = replyWith(201, session);
    await agent.call('POST', '/api/sessions', { path: 'n.ipynb' });
    agent.script = replyWith(200, [session]);
    const { json } = await agent.call('GET', '/api/sessions');
    assert.equal((json as unknown[]).length, 1);
    for (const response of held) replyWith(200, [])(undefined, response);
    await before;
    agent.script = unavailable;
    assert.deepEqual((await agent.call('GET', '/api/sessions')).json, json);
  });
});

describe('a request that the agent does not answer', { timeout: 60_000 }, () => {
  it('is made again after half a minute if it only reads, and holds up nobody until then', async (t) => {
    const clock = new ManualClock();
    const agent = await startAgent(t, { clock, ...PATIENT });
    const held: ServerResponse[] = [];
    agent.script = (_, response) => held.push(response);
    const answer = agent.call('GET', '/api/kernelspecs');
    await until('it is asked for', () => held.length === 1);
    agent.script = replyWith(200, { default: 'python3' });
    clock.advance(30_000);
    await until('it is answered', async () => {
      clock.advance(200);
      return await Promise.race([
        answer.then(() => true),
        agent.call('GET', '/nowhere').then(() => false),
      ]);
    });
    assert.deepEqual(await answer, { status: 200, json: { default: 'python3' } });
  });

  it('is made again as soon as the way has come up anew, unless it must not be made twice', async (t) => {
    const agent = await startAgent(t);
    const session = { id: 's', path: 'f/n.ipynb', kernel: { id: 'k' } };
    const held: ServerResponse[] = [];
    agent.script = (_, response) => held.push(response);
    const read = agent.call('GET', '/api/sessions');
    const made = agent.call('POST', '/api/sessions', {});
    const restarted = agent.call('POST', '/api/kernels/k/restart');
    await until('all are asked for', () => held.length === 3);
    await comeUpAnew(agent, (request, response) => {
      replyWith(200, request.method === 'GET' ? [session] : session)(request, response);
    });
    for (const answer of [await read, await made]) assert.equal(answer.status, 200);
    for (const response of held) replyWith(202, {})(undefined, response);
    assert.equal((await restarted).status, 202);
  });

  it('has its answer if that is what shows that there is a way', async (t) => {
    const agent = await startAgent(t);
    const held: ServerResponse[] = [];
    agent.script = (_, response) => held.push(response);
    const slow = agent.call('GET', '/api/kernelspecs');
    await until('it is asked for', () => held.length === 1);
    agent.script = unavailable;
    assert.equal((await agent.call('GET', '/api/kernels/k')).status, 503);
    for (const response of held) replyWith(200, { default: 'python3' })(undefined, response);
    assert.equal((await slow).status, 200);
  });
});

describe('an answer that stops half-way', { timeout: 60_000 }, () => {
  for (const [how, timings, end] of [
    ['breaks off', {}, (response: ServerResponse) => response.destroy()],
    ['brings nothing more', { answer: 500 }, () => undefined],
  ] as const) {
    it(`and ${how} is asked for again, and what makes something with the same key`, async (t) => {
      const agent = await startAgent(t, { timings: { ...PATIENT.timings, ...timings } });
      const session = { id: 's', path: 'f/n.ipynb', kernel: { id: 'k' } };
      for (const [method, path, body] of [
        ['GET', '/api/kernelspecs', { default: 'python3' }],
        ['GET', '/api/sessions', [session]],
        ['POST', '/api/sessions', session],
        ['POST', '/api/kernels', { id: 'k' }],
      ] as const) {
        const keys: unknown[] = [];
        agent.script = (request, response) => {
          keys.push(request.headers['idempotency-key']);
          if (keys.length > 1) replyWith(200, body)(request, response);
          else startReply(response, () => end(response));
        };
        const answer = await agent.call(method, path, method === 'POST' ? {} : undefined);
        assert.equal(answer.status, 200);
        assert.ok(answer.json);
        assert.ok(keys.length >= 2);
        assert.equal(new Set(keys).size, 1);
        assert.equal(typeof keys[0], method === 'POST' ? 'string' : 'undefined');
      }
    });
  }

  it('ends as it came for a front-end that has its beginning', async (t) => {
    const agent = await startAgent(t, { timings: { answer: 500 } });
    agent.script = (_, response) => {
      startReply(response);
    };
    await assert.rejects(agent.call('GET', '/kernelspecs/python3/logo.svg'), CUT_OFF);
  });

  it('is given up as soon as the way has come up anew', async (t) => {
    const agent = await startAgent(t);
    const asked: string[] = [];
    agent.script = ({ url = '' }, response) => {
      asked.push(url);
      startReply(response);
    };
    const passedOn = agent.call('GET', '/kernelspecs/python3/logo.svg');
    const passedOnEnds = assert.rejects(passedOn, CUT_OFF);
    const made = agent.call('POST', '/api/kernels', {});
    await until('both have begun', () => asked.length === 2);
    await comeUpAnew(agent, replyWith(201, { id: 'k' }));
    await passedOnEnds;
    assert.deepEqual(await made, { status: 201, json: { id: 'k' } });
  });

  it('of another kernel for a notebook bears a key too', async (t) => {
    const agent = await startAgent(t);
    const keys: unknown[] = [];
    agent.script = (request, response) => {
      if (request.method === 'PATCH') keys.push(typeof request.headers['idempotency-key']);
      replyWith(200, { id: 's', path: 'f/n.ipynb' })(request, response);
    };
    await agent.call('PATCH', '/api/sessions/s', { kernel: { name: 'ir' } });
    await agent.call('PATCH', '/api/sessions/s', { path: 'new.ipynb' });
    await agent.call('PATCH', '/api/sessions/s', { kernel: { id: 'k', name: 'ir' } });
    assert.deepEqual(keys, ['string', 'undefined', 'undefined']);
  });
});

type Script = (request: IncomingMessage, response: ServerResponse) => void;

const JSON_TYPE = { 'content-type': 'application/json' };

/** What whoever reads an answer is told when its connection ends in the middle. */
const CUT_OFF = { code: 'ECONNRESET' };

/** The beginning of an answer. */
function startReply(response: ServerResponse, then: () => void = () => undefined): void {
  response.writeHead(200, JSON_TYPE).write('[{"id":', then);
}

/** One request finds that there is no way, the next that there is one; `script` answers from then on. */
async function comeUpAnew(agent: Awaited<ReturnType<typeof startAgent>>, script: Script) {
  agent.script = unavailable;
  assert.equal((await agent.call('GET', '/api/kernels/k')).status, 503);
  agent.script = script;
  await agent.call('GET', '/api/kernels/k');
}

const unavailable: Script = (_, response) => response.writeHead(503).end();

function replyWith(status: number, body?: unknown) {
  return (_: unknown, response: ServerResponse) => {
    response.writeHead(status, JSON_TYPE).end(body === undefined ? '' : JSON.stringify(body));
  };
}

/** Answers with empty lists until the test says otherwise. */
async function startAgent(t: TestContext, options: Partial<RelayOptions> = {}) {
  const agent = {
    script: replyWith(200, []) as Script,
    call: async (method: string, path: string, body?: object) => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await ask(relay.port, path, { method, headers: HEADERS, ...sent });
      return { status: answer.status, json: parse(answer.text) };
    },
  };
  const answer: Script = (request, response) => {
    request.resume().once('end', () => {
      agent.script(request, response);
    });
  };
  const relay: Relay = await relayTo(t, { answer }, options);
  return agent;
}

function parse(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text);
}
