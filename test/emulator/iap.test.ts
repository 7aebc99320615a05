// The emulated IAP relay, spoken to with hand-made frames: strict about what Google is strict about. The
// client's own tunnel and gcloud use it in test/contract.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket, type RawData } from 'ws';
import { until } from '../helpers/until.ts';
import { insert, startCloud, ZONE, type Cloud } from './cloud-fixture.ts';
import { ECHO_PORT } from './echo-runtime.ts';
import { createLeapingClock } from './leaping-clock.ts';

const SUBPROTOCOL = 'relay.tunnel.cloudproxy.app';

interface Dialled {
  socket: WebSocket;
  /** Messages that have arrived, as hex. */
  frames: string[];
  /** Close code, or the HTTP status of a refused handshake. */
  end: Promise<number>;
  send(hex: string): void;
}

interface Handshake {
  path?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  protocols?: string[];
}

function dial(t: TestContext, cloud: Cloud, handshake: Handshake = {}): Dialled {
  const { path = 'connect', query = {}, headers = {}, protocols = [SUBPROTOCOL] } = handshake;
  const search = new URLSearchParams({
    project: 'a-project',
    zone: ZONE,
    instance: 'one',
    interface: 'nic0',
    port: String(ECHO_PORT),
    newWebsocket: 'True',
    ...query,
  });
  const socket = new WebSocket(
    `${cloud.emulator.ready.urls.iap}/${path}?${search.toString()}`,
    protocols,
    {
      headers: { authorization: `Bearer ${cloud.token}`, origin: 'bot:iap-tunneler', ...headers },
    },
  );
  t.after(() => {
    socket.terminate();
  });
  const frames: string[] = [];
  socket.on('message', (message: RawData) => frames.push((message as Buffer).toString('hex')));
  const end = new Promise<number>((resolve) => {
    socket.on('close', resolve);
    socket.on('unexpected-response', (request, response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    socket.on('error', () => undefined);
  });
  return {
    socket,
    frames,
    end,
    send: (hex) => {
      socket.send(Buffer.from(hex, 'hex'));
    },
  };
}

async function open(t: TestContext, cloud: Cloud): Promise<Dialled> {
  const dialled = dial(t, cloud);
  await until('the session id is there', () => dialled.frames[0]?.startsWith('0001'));
  return dialled;
}

function sessionIdOf({ frames }: Dialled): string {
  return Buffer.from(frames[0]?.slice(12) ?? '', 'hex').toString();
}

/** Waits for all of the instance's answer: the data of the frames that have come. */
function untilData(dialled: Dialled, expected: string): Promise<unknown> {
  return until(`data ${expected.slice(0, 20)}`, () => dataOf(dialled.frames) === expected);
}

function dataOf(frames: readonly string[]): string {
  return frames
    .filter((frame) => frame.startsWith('0004'))
    .map((frame) => frame.slice(12))
    .join('');
}

function data(hex: string): string {
  return `0004${(hex.length / 2).toString(16).padStart(8, '0')}${hex}`;
}

function ack(bytes: number): string {
  return `0007${bytes.toString(16).padStart(16, '0')}`;
}

async function startWithInstance(
  t: TestContext,
  options: Parameters<typeof startCloud>[1] = {},
): Promise<Cloud> {
  const cloud = await startCloud(t, options);
  await insert(cloud, 'one');
  for (const port of [ECHO_PORT, 9, 99_999]) await cloud.allowTunnel('one', port);
  await until('the instance listens', async () => {
    const { socket, frames } = dial(t, cloud);
    await Promise.race([once(socket, 'message'), once(socket, 'close')]);
    socket.close();
    return frames.length > 0;
  });
  return cloud;
}

describe('the handshake of the IAP relay', () => {
  const cases: [string, Handshake, number][] = [
    ['no token', { headers: { authorization: 'Bearer no' } }, 401],
    ['another origin', { headers: { origin: 'https://example.com' } }, 403],
    ['another subprotocol', { protocols: ['other'] }, 400],
    ['no port', { query: { port: '' } }, 400],
    ['another path', { path: 'other' }, 404],
    ['another project', { query: { project: 'other' } }, 4033],
    ['no such instance', { query: { instance: 'two' } }, 4047],
    ['another zone', { query: { zone: 'us-east1-b' } }, 4047],
    ['another interface', { query: { interface: 'nic1' } }, 4047],
    ['a port that was not granted', { query: { port: '22' } }, 4033],
    ['a port where nobody listens', { query: { port: '9' } }, 4003],
    ['an impossible port', { query: { port: '99999' } }, 4003],
    ['an unknown session', { path: 'reconnect', query: { sid: 'x', ack: '0' } }, 4001],
  ];
  it('is refused as Google refuses it', async (t) => {
    const cloud = await startWithInstance(t);
    for (const [what, handshake, code] of cases) {
      assert.equal(await dial(t, cloud, handshake).end, code, what);
    }
  });

  it('is refused to accounts that were not granted it, until they are', async (t) => {
    const cloud = await startWithInstance(t);
    const base = `${cloud.emulator.ready.urls.oidc}/computeMetadata/v1/instance/service-accounts`;
    const reply = await fetch(`${base}/default/token`, {
      headers: { 'metadata-flavor': 'Google' },
    });
    const { access_token: token } = (await reply.json()) as { access_token: string };
    const headers = { authorization: `Bearer ${token}` };
    assert.equal(await dial(t, cloud, { headers }).end, 4033);
    const account = 'datalab-backend@a-project.iam.gserviceaccount.com';
    await cloud.allowTunnel('one', ECHO_PORT, `serviceAccount:${account}`);
    const granted = dial(t, cloud, { headers });
    await until('the session id is there', () => granted.frames[0]?.startsWith('0001'));
  });

  it('is refused again when the instance has been made anew', async (t) => {
    const cloud = await startWithInstance(t);
    await cloud.operate('DELETE', `/zones/${ZONE}/instances/one`);
    await insert(cloud, 'one');
    assert.equal(await dial(t, cloud).end, 4033);
  });
});

describe('a tunnel', () => {
  it('carries bytes, and acknowledges after a while', async (t) => {
    const cloud = await startWithInstance(t);
    const tunnel = await open(t, cloud);
    tunnel.send(data('68656c6c6f'));
    await untilData(tunnel, '68656c6c6f');
    await until('the acknowledgement of 5 bytes', () => tunnel.frames.includes(ack(5)));
  });

  it('acknowledges at once what is more than 32,768 bytes', async (t) => {
    const cloud = await startWithInstance(t);
    const tunnel = await open(t, cloud);
    for (let round = 0; round < 3; round += 1) tunnel.send(data('00'.repeat(16_384)));
    await until('the acknowledgement', () => tunnel.frames.includes(ack(3 * 16_384)), 1.5);
  });

  it('stops reading the instance when nothing is acknowledged, and goes on when it is', async (t) => {
    const cloud = await startWithInstance(t);
    const tunnel = await open(t, cloud);
    for (let round = 0; round < 64; round += 1) tunnel.send(data('07'.repeat(16_384)));
    const received = () => dataOf(tunnel.frames).length / 2;
    await until('the window is full', () => received() >= 256 * 1024);
    await until('all is acknowledged to us', () => tunnel.frames.includes(ack(64 * 16_384)));
    assert.ok(received() < 512 * 1024, `${received()} bytes without an acknowledgement`);
    await until('the rest is there', () => {
      tunnel.send(ack(received()));
      return received() === 64 * 16_384;
    });
  });

  const violations: [string, string | Buffer, number][] = [
    ['an unknown tag', '0009', 4008],
    ['a data frame that is too large', data('00'.repeat(16_385)), 4013],
    ['an empty data frame', data(''), 4013],
    ['a data frame that is shorter than it says', '000400000005aa', 4013],
    ['an acknowledgement of what was never sent', ack(1), 4006],
    ['an acknowledgement of the wrong length', '000700', 4005],
  ];
  it('is closed when the client breaks the protocol', async (t) => {
    const cloud = await startWithInstance(t);
    for (const [what, frame, code] of violations) {
      const tunnel = await open(t, cloud);
      tunnel.send(frame as string);
      assert.equal(await tunnel.end, code, what);
    }
    const texting = await open(t, cloud);
    texting.socket.send('text');
    assert.equal(await texting.end, 4007);
  });

  it('is resumed after a cut, without loss and without repetition', async (t) => {
    const cloud = await startWithInstance(t);
    const first = await open(t, cloud);
    first.send(data('0102'));
    await untilData(first, '0102');
    const sid = sessionIdOf(first);
    first.socket.terminate();
    await first.end;
    // Of the two bytes we say that we have had one.
    const second = await until('the relay has noticed the cut', async () => {
      const dialled = dial(t, cloud, { path: 'reconnect', query: { sid, ack: '1' } });
      await Promise.race([once(dialled.socket, 'message'), once(dialled.socket, 'close')]);
      return dialled.frames.length > 0 ? dialled : undefined;
    });
    await untilData(second, '02');
    assert.equal(second.frames[0], '00020000000000000002');
    second.send(data('03'));
    await untilData(second, '0203');
  });

  it('ends some time after a cut, also if its client was refused meanwhile', async (t) => {
    const clock = createLeapingClock();
    const cloud = await startWithInstance(t, { clock });
    const tunnel = await open(t, cloud);
    const sid = sessionIdOf(tunnel);
    tunnel.socket.terminate();
    // Nothing was sent that it could have had.
    const again = () => dial(t, cloud, { path: 'reconnect', query: { sid, ack: '1' } }).end;
    await until('the relay has noticed the cut', async () => (await again()) === 4074);
    clock.leap(60_000);
    assert.equal(await again(), 4001);
  });

  it('ends when the instance is suspended, and a new one works after it is resumed', async (t) => {
    const cloud = await startWithInstance(t);
    const tunnel = await open(t, cloud);
    await cloud.operate('POST', `/zones/${ZONE}/instances/one/suspend`);
    assert.equal(await tunnel.end, 4010);
    assert.equal(await dial(t, cloud).end, 4003);
    await cloud.operate('POST', `/zones/${ZONE}/instances/one/resume`);
    const again = await open(t, cloud);
    again.send(data('aa'));
    await untilData(again, 'aa');
  });
});
