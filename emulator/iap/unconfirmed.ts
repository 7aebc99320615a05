// What was sent through a tunnel and may have to be sent again: the pieces as they came, since putting them together for
// every piece would cost more than carrying them. session.ts has one per tunnel.

export class Unconfirmed {
  #pieces: Buffer[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** In order. */
  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  append(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** The first so many bytes have arrived; no more than there are. */
  confirm(bytes: number): void {
    this.#bytes -= bytes;
    let left = bytes;
    let whole = 0;
    for (let piece = this.#pieces[0]; piece && piece.length <= left; piece = this.#pieces[whole]) {
      left -= piece.length;
      whole += 1;
    }
    this.#pieces = this.#pieces.slice(whole);
    const [first] = this.#pieces;
    if (first) this.#pieces[0] = first.subarray(left);
  }
}
