// Who one is, and what stands where the API should be. A stand-in plays Google's sign-in and whatever answers at the API's
// URL; the program is the real one.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../../client/clock.ts';
import { checkGateway } from '../../../client/session/gateway-check.ts';
import { openTunnelAs } from '../../../client/identity/tunnel.ts';
import { describeMisfortunes, type Misfortune, type Place } from '../../helpers/misfortunes.ts';
import { startStandIn } from '../../helpers/stand-in.ts';
import { startRelay, targetOf, TOKEN } from '../../tunnel/tunnel-fixture.ts';

const HOUR = 3_600_000;
const SECRETS = [/eyJ/, /ya29/, /1\/\//];

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Google's pages, as it writes them. */
const FORBIDDEN = `<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>403 Forbidden</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: Forbidden</h1>
<h2>Your client does not have permission to get URL <code>/v1/sessions</code> from this server.</h2>
<h2></h2>
</body></html>`;
const NOT_FOUND = `<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That’s an error.</ins>
  <p>The requested URL <code>/api</code> was not found on this server.  <ins>That’s all we know.</ins>`;
const UNAUTHORIZED = FORBIDDEN.replaceAll('Forbidden', 'Unauthorized').replace(
  'to get URL <code>/v1/sessions</code> from this server',
  'to the requested URL <code>/v1/sessions</code>',
);

function page(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response
      .writeHead(status, { 'content-type': 'text/html; charset=UTF-8', ...headers })
      .end(text);
  };
}

function refusal(code: number, status: string, message: string): Answer {
  return (_, response) => {
    response.writeHead(code).end(JSON.stringify({ error: { code, status, message } }));
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const ID_TOKEN = `${encode({ alg: 'RS256' })}.${encode({ email: 'ann@example.com', iat: 0, exp: 3600 })}.x`;
const TOKENS = { access_token: 'ya29.a-token', expires_in: 3599, id_token: ID_TOKEN };

function signIn(tokens: object | 'revoked'): Answer {
  return (_, response) => {
    if (tokens !== 'revoked') {
      response.end(JSON.stringify(tokens));
      return;
    }
    const error_description = 'Token has been expired or revoked.';
    response.writeHead(400).end(JSON.stringify({ error: 'invalid_grant', error_description }));
  };
}

const DEFAULT_FILE = '.config/gcloud/application_default_credentials.json';

/** Signs in with application default credentials, and puts `answer` where the API is. */
function signedIn(
  answer: Answer,
  given: object | 'revoked' = TOKENS,
): NonNullable<Misfortune['prepare']> {
  return async (place, t) => {
    const url = await startStandIn(t, (request, response) => {
      (request.url === '/token' ? signIn(given) : answer)(request, response);
    });
    const secrets = { client_id: 'id', client_secret: 'secret', refresh_token: '1//refresh' };
    const credential = { type: 'authorized_user', ...secrets, token_uri: `${url}/token` };
    const file = path.join(place.home, DEFAULT_FILE);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(credential));
    writeFileSync(path.join(place.home, 'url'), url);
  };
}

function apiUrl({ home }: Place): Record<string, string> {
  return { DATALAB_API_URL: readFileSync(path.join(home, 'url'), 'utf8') };
}

/** A row in which `list` meets this answer. */
function meets(title: string, answer: Answer, says: RegExp[]): Misfortune {
  return {
    title,
    args: ['list'],
    env: apiUrl,
    prepare: signedIn(answer),
    says,
    saysNot: SECRETS,
  };
}

/** By the clock of who answers. */
function clockOff(hours: number): Answer {
  return (request, response) => {
    const date = new Date(Date.now() + hours * HOUR).toUTCString();
    page(401, UNAUTHORIZED, { date })(request, response);
  };
}

const NOWHERE = { DATALAB_API_URL: 'http://127.0.0.1:1' };

function withFile(content: string): Pick<Misfortune, 'args' | 'env' | 'prepare'> {
  return {
    args: ({ home }) => ['list', '--credentials', path.join(home, 'key.json')],
    env: NOWHERE,
    prepare: ({ home }) => {
      writeFileSync(path.join(home, 'key.json'), content);
    },
  };
}

describeMisfortunes('whoever you are', [
  {
    title: 'not signed in at all',
    args: ['list'],
    env: NOWHERE,
    says: [
      /You are not signed in to Google/,
      /gcloud auth login, or .*gcloud auth application-default login/,
    ],
  },
  {
    title: 'a sign-in that was revoked, and nobody at a terminal',
    args: ['start', '--ui', 'none', '--json'],
    env: apiUrl,
    prepare: signedIn(page(200, ''), 'revoked'),
    says: [/^$/],
    after: (_, client) => {
      const said = client.events.at(-1)?.message ?? '';
      assert.match(
        said,
        /invalid_grant.*Sign in again with: gcloud auth application-default login$/,
      );
    },
  },
  {
    title: 'an account that gcloud has no credentials of',
    args: ['list', '--account', 'who@example.com'],
    env: NOWHERE,
    says: [/who@example\.com.*Sign in again with: gcloud auth login who@example\.com|needs gcloud/],
  },
  {
    title: 'a credential file that is not JSON',
    ...withFile('{"type": "authorized_user", "refresh_token": "1//secret'),
    says: [/key\.json \(--credentials\) is not JSON.*gcloud auth application-default login/],
    saysNot: SECRETS,
  },
  {
    title: 'a credential file of another kind',
    ...withFile('{"type": "external_account"}'),
    says: [/gives no ID tokens: external_account/, /authorized_user, service_account/],
  },
  {
    title: 'credentials that give no ID token',
    args: ['list'],
    env: apiUrl,
    prepare: signedIn(page(200, ''), { access_token: 'ya29.a', expires_in: 3599 }),
    says: [/no ID token .*openid.*Sign in again with: gcloud auth application-default login/],
    saysNot: SECRETS,
  },
]);

describeMisfortunes('where the API should be', [
  meets('the platform lets nobody in who may not', page(403, FORBIDDEN), [
    /ann@example\.com may not call the Datalab API/,
    /ask whoever administers the project/i,
    /gcloud run services add-iam-policy-binding api --member=user:ann@example\.com --role=roles\/run\.invoker --region=REGION/,
  ]),
  meets('the platform does not take the token', page(401, UNAUTHORIZED), [
    /does not accept your sign-in \(HTTP 401\)\. Sign in again with: gcloud auth application-default login/,
  ]),
  meets('the API itself refuses', refusal(403, 'PERMISSION_DENIED', 'Not for kernels.'), [
    /^datalab-client: Not for kernels\.\n$/,
  ]),
  meets('nothing is deployed', page(404, NOT_FOUND), [
    /Nothing is deployed at http:\/\/127\.0\.0\.1:\d+.*region and project.*--api-url/,
  ]),
  meets(
    'a backend of another version',
    (request, response) => {
      const isHealth = request.url === '/health';
      response.end(isHealth ? '{"status":"ok","version":"9.8.7"}' : '{"sessions":[{"id":1}]}');
    },
    [/do not fit: .*sessions\.0\.id.*it is of version 9\.8\.7, this client of \d+\.\d+\.\d+/],
  ),
  meets('a login page with 200', page(200, '<html><title>Hotel\n  WLAN</title></html>'), [
    /HTTP 200 and a web page, “Hotel WLAN”, that is not the Datalab API's.*open the URL in a browser/,
  ]),
  meets('a proxy that refuses', page(403, '<html><title>Blocked</title></html>'), [
    /HTTP 403 and a web page, “Blocked”.*HTTPS_PROXY/,
  ]),
  meets(
    'a redirect to a login',
    page(302, '', {
      location: 'https://accounts.google.com/o/oauth2/v2/auth?client_id=x&state=secret',
    }),
    [/redirects to accounts\.google\.com \(HTTP 302\).*Identity-Aware Proxy/],
  ),
  meets('a clock that is an hour fast', clockOff(-1), [
    /clock is 1 h fast; set it with: timedatectl set-ntp true/,
  ]),
  meets('a clock that is an hour slow', clockOff(1), [
    /clock is 1 h slow; set it with: timedatectl set-ntp true/,
  ]),
  {
    ...meets(
      'a clock that is an hour slow and that nobody minds',
      (_, response) => {
        const date = new Date(Date.now() + HOUR).toUTCString();
        response.writeHead(200, { date }).end('{"sessions":[]}');
      },
      [/^$/],
    ),
    exitCode: 0,
  },
  {
    ...meets('a port where nobody listens', page(200, ''), [
      /Datalab API at http:\/\/127\.0\.0\.1:1 .*cannot be reached: connection refused.*HTTPS_PROXY/,
    ]),
    env: NOWHERE,
  },
  {
    ...meets('a host that is not known', page(200, ''), [
      /https:\/\/nowhere\.invalid .*cannot be reached: its name (is not known|cannot be looked up now) \(DNS\)/,
    ]),
    env: { DATALAB_API_URL: 'https://nowhere.invalid' },
  },
]);

describe('without the right to tunnel', () => {
  it('names the role and whom to ask, after the time that a new grant takes', async (t) => {
    const relay = await startRelay(t, { closeWith: 4033 });
    const identity = {
      command: 'x',
      accessToken: () => Promise.resolve(TOKEN),
      forget: () => undefined,
    };
    const agent = {
      accessToken: 'a-session',
      connect: () => openTunnelAs(identity, { url: relay.url, target: targetOf(8888), env: {} }),
    };
    let minutes = 0;
    const elapsed = () => (minutes += 1) * 60_000;
    const limits = {
      patienceSeconds: 3600,
      elapsed,
      clock: systemClock,
      signal: new AbortController().signal,
    };
    await assert.rejects(
      checkGateway(agent, { say: () => undefined }, limits),
      /Not allowed to tunnel to port 8888.*administrator for the role roles\/iap\.tunnelResourceAccessor/,
    );
  });
});
