// A client that is about to be killed: starts the container that its argument describes, as JSON, says where it answers, and
// stays.
import { systemClock } from '../../client/clock.ts';
import { startUiContainer, type UiContainerOptions } from '../../client/docker/ui-container.ts';

const settings = JSON.parse(process.argv[2] ?? '') as Omit<
  UiContainerOptions,
  'clock' | 'environment'
>;
const server = await startUiContainer({
  ...settings,
  ...{ environment: process.env, clock: systemClock },
});
console.log(JSON.stringify(server.address));
