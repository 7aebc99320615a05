// Who may tunnel where, in memory, on the power switch of world.ts.
import type { Grants, Target } from '../../functions/apply.ts';
import { AppError } from '../../functions/errors.ts';
import type { PowerSwitch } from './power-switch.ts';

export class TestGrants implements Grants {
  readonly given: string[] = [];
  refuseNext: AppError | undefined;
  loseNextReply = false;
  readonly #power: PowerSwitch;

  constructor(power: PowerSwitch) {
    this.#power = power;
  }

  hasGrant({ name }: Target, email: string, port: number): Promise<boolean> {
    return Promise.resolve(this.given.includes(`${email} ${name}:${port}`));
  }

  async grant({ name }: Target, email: string, port: number): Promise<void> {
    this.#power.before('grant');
    await Promise.resolve();
    const refusal = this.refuseNext;
    this.refuseNext = undefined;
    if (refusal) throw refusal;
    const entry = `${email} ${name}:${port}`;
    if (!this.given.includes(entry)) this.given.push(entry);
    if (this.loseNextReply) {
      this.loseNextReply = false;
      throw new AppError('UNAVAILABLE', 'no answer', { isRetryable: true });
    }
    this.#power.after('grant');
  }
}
