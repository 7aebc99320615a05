// An emulator as a process of its own, for tests that kill it: node emulator-process.ts STATE_DIR. Its instances
// are the echo runtime's. Prints the ready line.
import { runEmulator } from '../../emulator/main.ts';
import { NO_DURATIONS } from '../../emulator/options.ts';
import { PROJECT, ZONE } from './cloud-fixture.ts';
import { createEchoRuntime } from './echo-runtime.ts';

const emulator = await runEmulator({
  stateDir: process.argv[2] ?? '',
  project: PROJECT,
  zone: ZONE,
  searchPath: process.env['PATH'] ?? '',
  functions: process.argv[3] === 'functions' ? {} : false,
  staysWithoutClients: true,
  // Long enough for a test to interrupt what it wants to interrupt.
  durations: { ...NO_DURATIONS, stopMilliseconds: 60_000, suspendMilliseconds: 60_000 },
  runtime: createEchoRuntime(),
});
console.log(JSON.stringify(emulator.ready));
