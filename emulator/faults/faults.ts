// Faults on request: the rules, how often each has matched, the calls seen. inject.ts asks it about every call,
// control/fault-routes.ts changes it. Kept in memory only: a new emulator has no faults.
import { createNumericId } from '../ids.ts';
import { isForMessages, matches, type FaultRule, type Seen } from './rule.ts';
import { serviceOf } from './service.ts';

export interface ListedRule extends FaultRule {
  id: string;
  /** Calls that the rule is for, so far. */
  matched: number;
  /** Those that were hit. */
  hit: number;
}

/** One call that the emulated cloud has seen. */
export interface SeenCall extends Seen {
  /** When it came: RFC 3339. */
  time: string;
  /** Absent while it is under way, and when there was no answer. */
  status?: number;
  /** The rule that hit it. */
  fault?: string;
}

export type MessageFate = 'deliver' | 'drop' | 'double';

/** The list is for tests, which look at what has just been; older calls are forgotten. */
const MAX_CALLS = 5000;

export class Faults {
  readonly #ended = Promise.withResolvers<undefined>();
  #rules: ListedRule[] = [];
  #calls: SeenCall[] = [];
  #isEnded = false;

  get rules(): readonly ListedRule[] {
    return this.#rules;
  }

  get calls(): readonly SeenCall[] {
    return this.#calls;
  }

  /** Settles at the end of the emulator: what was never to be answered ends then. */
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  add(rules: readonly FaultRule[]): ListedRule[] {
    const added = rules.map((rule) => ({ ...rule, id: createNumericId(), matched: 0, hit: 0 }));
    this.#rules.push(...added);
    return added;
  }

  /** All of them without an id. False when there is no such rule. */
  remove(id?: string): boolean {
    const kept = id === undefined ? [] : this.#rules.filter((rule) => rule.id !== id);
    const isFound = id === undefined || kept.length < this.#rules.length;
    this.#rules = kept;
    return isFound;
  }

  forgetCalls(): void {
    this.#calls = [];
  }

  /** Writes the call down, and says what is to happen to it. */
  meet(method: string, path: string, time: string): { seen: SeenCall; rule?: ListedRule } {
    const seen: SeenCall = { method, path, service: serviceOf(path), time };
    this.#calls.push(seen);
    if (this.#calls.length > MAX_CALLS) this.#calls.shift();
    const rule = this.#choose(seen, (candidate) => !isForMessages(candidate));
    if (rule === undefined) return { seen };
    seen.fault = rule.id;
    return { seen, rule };
  }

  /** What becomes of a message of Pub/Sub. @param topic its whole name, projects/P/topics/T */
  fateOfMessage(topic: string): MessageFate {
    const rule = this.#choose({ method: 'POST', path: topic, service: 'pubsub' }, isForMessages);
    if (rule === undefined) return 'deliver';
    return rule.drop ? 'drop' : 'double';
  }

  end(): void {
    this.#isEnded = true;
    this.#ended.resolve(undefined);
  }

  /** The first rule whose turn it is; every rule that matches counts the call. */
  #choose(seen: Seen, isMeant: (rule: FaultRule) => boolean): ListedRule | undefined {
    let chosen: ListedRule | undefined;
    for (const rule of this.#rules) {
      if (!isMeant(rule) || !matches(rule, seen)) continue;
      rule.matched += 1;
      if (chosen || rule.matched <= rule.after || rule.hit >= rule.times) continue;
      rule.hit += 1;
      chosen = rule;
    }
    return chosen;
  }
}
