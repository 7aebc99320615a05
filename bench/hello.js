// The least that runs in the Functions Framework: what the api's cold start is held against. Plain JavaScript, so that
// Node.js has no types to strip.
import { http } from '@google-cloud/functions-framework';

http('hello', (_, response) => {
  response.send('hello');
});
