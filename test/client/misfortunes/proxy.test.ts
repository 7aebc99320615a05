// A network that is left through a proxy, and a proxy that does not let the client through.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { startConnectProxy } from '../../helpers/connect-proxy.ts';
import { describeMisfortunes, type Misfortune, type Place } from '../../helpers/misfortunes.ts';

let address = '';

const behindProxy = (value: () => string): Pick<Misfortune, 'args' | 'env' | 'saysNot'> => ({
  args: ['list'],
  env: ({ home }) => ({
    DATALAB_API_URL: 'https://api.datalab.test',
    GOOGLE_APPLICATION_CREDENTIALS: fileIn(home),
    HTTPS_PROXY: value(),
    NO_PROXY: '',
  }),
  saysNot: [/secret/, /bug/],
});

describeMisfortunes('a proxy', [
  {
    title: 'that wants a user and a password is named with the variable that holds them',
    prepare: async (place, t) => {
      writeCredentials(place);
      ({ address } = await startConnectProxy(t, { status: 407 }));
    },
    ...behindProxy(() => `http://me:secret@${address}`),
    says: [/The proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) wants to know who you are \(HTTP 407\)/],
  },
  {
    title: 'that forbids the host says which, and what may help',
    prepare: async (place, t) => {
      writeCredentials(place);
      ({ address } = await startConnectProxy(t, { status: 403 }));
    },
    ...behindProxy(() => `http://me:secret@${address}`),
    says: [/refused to connect to oauth2\.datalab\.test:443 \(HTTP 403\)/, /NO_PROXY/],
  },
  {
    title: 'that cannot be reached is what is told, and not the host behind it alone',
    prepare: writeCredentials,
    ...behindProxy(() => 'http://me:secret@127.0.0.1:1'),
    says: [/The proxy 127\.0\.0\.1:1 \(HTTPS_PROXY\) cannot be reached/],
  },
  {
    title: 'of another kind is refused without showing its password',
    prepare: writeCredentials,
    ...behindProxy(() => 'socks5://me:secret@127.0.0.1:1'),
    says: [/HTTPS_PROXY is not the URL of an HTTP proxy: set it to http:\/\/HOST:PORT/],
  },
]);

function fileIn(home: string): string {
  return path.join(home, 'credentials.json');
}

function writeCredentials({ home }: Place): void {
  const user = {
    type: 'authorized_user',
    client_id: 'id',
    client_secret: 'of the program',
    refresh_token: 'of the user',
    token_uri: 'https://oauth2.datalab.test/token',
  };
  writeFileSync(fileIn(home), JSON.stringify(user));
}
