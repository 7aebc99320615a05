// Self-signed X.509 certificates, which node:crypto can read but not make: for /oauth2/v1/certs, where Google
// publishes its signing keys in this form, and for the emulator's TLS port.
import { createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface CertificateSpec {
  commonName: string;
  privateKey: KeyObject;
  notBefore: Date;
  notAfter: Date;
  /** IPv4 addresses that the certificate is good for. */
  addresses?: readonly string[];
  /** Host names that it is good for. */
  names?: readonly string[];
}

const SHA256_WITH_RSA = '2a864886f70d01010b'; // 1.2.840.113549.1.1.11
const COMMON_NAME = '550403'; // 2.5.4.3
const SUBJECT_ALT_NAME = '551d11'; // 2.5.29.17

/** PEM. */
export function createCertificate(spec: CertificateSpec): string {
  const algorithm = sequence(objectId(SHA256_WITH_RSA), der(0x05));
  const name = sequence(
    der(0x31, sequence(objectId(COMMON_NAME), der(0x0c, Buffer.from(spec.commonName)))),
  );
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, positive(randomBytes(16))), // serial number
    algorithm,
    name,
    sequence(time(spec.notBefore), time(spec.notAfter)),
    name,
    createPublicKey(spec.privateKey).export({ type: 'spki', format: 'der' }),
    ...extensions(spec),
  );
  const signature = sign('RSA-SHA256', body, spec.privateKey);
  const certificate = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function extensions({ names = [], addresses = [] }: CertificateSpec): Buffer[] {
  const alternatives = [
    ...names.map((name) => der(0x82, Buffer.from(name))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  if (alternatives.length === 0) return [];
  const extension = sequence(objectId(SUBJECT_ALT_NAME), der(0x04, sequence(...alternatives)));
  return [der(0xa3, sequence(extension))];
}

/** UTCTime; good until 2049. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return der(0x30, ...contents);
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** A leading bit of 1 would make an INTEGER negative. */
function positive(bytes: Buffer): Buffer {
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 128) return Buffer.from([length]);
  const bytes = length < 256 ? [length] : [length >> 8, length & 0xff];
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}
