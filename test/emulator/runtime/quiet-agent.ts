// Stands where the agent stands on an instance: checks what vm-startup.sh gives it, answers on its port, and
// asks for the machine to be switched off (exit 0) at /off. The real agent has tests of its own.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { AGENT_ADDRESS, AGENT_PORT, GATEWAY_TOKEN_FILE, GATEWAY_URL, API_URL, SESSION_ID } =
  process.env;
const token = readFileSync(GATEWAY_TOKEN_FILE ?? '', 'utf8').trim();

createServer((request, response) => {
  if (request.url === '/off') response.end('', () => process.exit(0));
  else if (request.url === '/crash') response.end('', () => process.exit(7));
  else response.end(JSON.stringify({ token, GATEWAY_URL, API_URL, SESSION_ID, pid: process.pid }));
}).listen(Number(AGENT_PORT), AGENT_ADDRESS);
