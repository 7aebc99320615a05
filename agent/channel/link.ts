// One end of a channel's connection, the same at relay and agent (pure: no socket, no clock, no disk): what was sent,
// what arrived, what may be forgotten, and when to say so. frames.ts has the frames.
//
// Two cursors each way. `received`: from behind it a new connection goes on. `delivered`: the other end may forget what
// lies before it. With one of them a killed relay left a gap: what it had received and not delivered was gone.

/** So much may be on its way without an acknowledgement, whatever the distance: at 50 ms that is 160 MB/s. */
export const WINDOW_BYTES = 8 * 1_048_576;
/** An acknowledgement is due after so many bytes; what is less waits for `flush`. */
const ACK_BYTES = 262_144;

export interface LinkPositions {
  received: number;
  delivered: number;
}

export class Link {
  readonly #windowBytes: number;
  #isUp = false;
  #sent = 0;
  #confirmed = 0;
  #received: number;
  #delivered: number;
  #acknowledged: number;
  #undeclaredBytes = 0;
  /** Sent on this connection and not acknowledged. */
  #onTheWay: { sequence: number; bytes: number }[] = [];
  /** Where they begin: taking them off the front one by one costs a copy of all the others. */
  #firstOnTheWay = 0;
  #onTheWayBytes = 0;

  /** `positions`: of what comes in, as this end remembers it. */
  constructor(positions: LinkPositions, windowBytes = WINDOW_BYTES) {
    this.#received = positions.received;
    this.#delivered = positions.delivered;
    this.#acknowledged = positions.delivered;
    this.#windowBytes = windowBytes;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Up to here was sent on this connection, or had arrived before. */
  get sent(): number {
    return this.#sent;
  }

  /** The other end keeps everything up to here for good. */
  get confirmed(): number {
    return this.#confirmed;
  }

  get received(): number {
    return this.#received;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Greetings were exchanged: `theirs` is what the other end has of what this end sends. */
  connected(theirs: LinkPositions): void {
    this.#isUp = true;
    this.#sent = theirs.received;
    this.#confirmed = Math.max(this.#confirmed, theirs.delivered);
    this.#acknowledged = this.#delivered;
    this.#forgetTheWay();
  }

  disconnected(): void {
    this.#isUp = false;
    this.#forgetTheWay();
  }

  /** Another channel than before: what comes in begins behind `position`, what goes out at the beginning. */
  beginAnew(position: number): void {
    this.disconnected();
    this.#sent = 0;
    this.#confirmed = 0;
    this.#received = position;
    this.#delivered = position;
    this.#acknowledged = position;
    this.#undeclaredBytes = 0;
  }

  get maySend(): boolean {
    return this.#isUp && this.#onTheWayBytes < this.#windowBytes;
  }

  /** In the order of their numbers, which may have gaps. */
  send(sequence: number, bytes: number): void {
    this.#sent = sequence;
    this.#onTheWay.push({ sequence, bytes });
    this.#onTheWayBytes += bytes;
  }

  /** Nothing up to here is for the other end: there is nothing to send. */
  skip(sequence: number): void {
    this.#sent = Math.max(this.#sent, sequence);
  }

  /** @returns whether it may be forgotten now what could not before */
  acknowledged(upTo: number): boolean {
    if (upTo > this.#sent) throw new RangeError('an acknowledgement of what was not sent');
    this.#takeOffTheWay(upTo);
    if (upTo <= this.#confirmed) return false;
    this.#confirmed = upTo;
    return true;
  }

  /** @returns false for what has arrived before */
  arrived(sequence: number): boolean {
    if (sequence <= this.#received) return false;
    this.#received = sequence;
    return true;
  }

  /** What has arrived behind `to` was thrown away, and is to be sent again. */
  rewind(to: number): void {
    this.#received = Math.max(this.#delivered, Math.min(this.#received, to));
  }

  /** Everything up to `sequence` is where it belongs. */
  deliver(sequence: number, bytes: number): void {
    if (sequence > this.#delivered) this.#delivered = sequence;
    this.#undeclaredBytes += bytes;
  }

  /**
   * The acknowledgement to send, if one is due. `flush`: whatever there is.
   * @returns the position up to which everything was delivered
   */
  dueAcknowledgement(flush: boolean): number | undefined {
    const isDue = flush || this.#undeclaredBytes >= ACK_BYTES;
    if (!this.#isUp || !isDue || this.#delivered <= this.#acknowledged) return undefined;
    this.#acknowledged = this.#delivered;
    this.#undeclaredBytes = 0;
    return this.#delivered;
  }

  #takeOffTheWay(upTo: number): void {
    let first = this.#onTheWay[this.#firstOnTheWay];
    while (first && first.sequence <= upTo) {
      this.#onTheWayBytes -= first.bytes;
      this.#firstOnTheWay += 1;
      first = this.#onTheWay[this.#firstOnTheWay];
    }
    if (2 * this.#firstOnTheWay < this.#onTheWay.length) return;
    this.#onTheWay = this.#onTheWay.slice(this.#firstOnTheWay);
    this.#firstOnTheWay = 0;
  }

  #forgetTheWay(): void {
    this.#onTheWay = [];
    this.#firstOnTheWay = 0;
    this.#onTheWayBytes = 0;
  }
}
