// Bounds a wait for something that may never come, so that a test which hangs says what for.
import { fetch, type Headers, type RequestInit } from 'undici';

/** @throws `what` when `promise` has not settled after `seconds`; a function is asked then */
export async function inTime<T>(
  what: string | (() => string),
  promise: Promise<T>,
  seconds: number,
): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const told = typeof what === 'string' ? what : what();
    reject(new Error(`gave up after ${seconds} s: ${told}`));
  }, seconds * 1000);
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Fetched {
  status: number;
  headers: Headers;
  text: string;
}

/** Longer than any answer takes, also of a server that starts a kernel on a machine that is at work. */
const ANSWER_SECONDS = 90;

/** @throws with method and address when the whole answer is not there in time */
export async function fetchInTime(url: string, init: RequestInit = {}): Promise<Fetched> {
  const end = new AbortController();
  const answer = async () => {
    const reply = await fetch(url, { ...init, signal: end.signal });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  };
  try {
    return await inTime(`an answer to ${init.method ?? 'GET'} ${url}`, answer(), ANSWER_SECONDS);
  } finally {
    end.abort();
  }
}
