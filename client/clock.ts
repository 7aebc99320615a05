// The client's view of time: what its time limits, acknowledgements and pings run on.

export interface Clock {
  /** Runs `callback` once after the time; returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};
