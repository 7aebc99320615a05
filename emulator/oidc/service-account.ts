// Service accounts of the project: their e-mail is who they are, and their unique id follows from it.
import { createHash } from 'node:crypto';
import type { Identity } from './tokens.ts';

export function serviceAccountIdentity(email: string): Identity {
  return { email, subject: subjectOf(email) };
}

/** 21 digits, always the same. */
function subjectOf(email: string): string {
  const digits = String(createHash('sha256').update(email).digest().readBigUInt64BE());
  return `1${digits.padStart(20, '0')}`;
}
