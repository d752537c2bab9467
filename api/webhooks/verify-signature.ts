import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the time of a signature may be off, both ways. */
const toleranceMs = 5 * 60 * 1000;
const maxSignatures = 5;
/** Room for the time and five signatures, with some air. */
const maxHeaderLength = 512;

/**
 * Why a webhook is refused. `stale` and `future` were signed with our secret: a clock is wrong, or somebody
 * replays. The others are from a stranger, or a secret is missing here.
 */
export type SignatureFault = 'missing' | 'malformed' | 'mismatch' | 'stale' | 'future';

export type SignatureCheck =
  | { valid: true }
  | { valid: false; fault: SignatureFault; skewMs: number | null };

export interface SignedDelivery {
  /** The header `WorkOS-Signature`: `t=<milliseconds>,v1=<hex>[,v1=<hex>...]`. */
  header: string | undefined;
  /** The body as it came. Decoded text is another thing: U+FFFD and the byte 0xFF decode alike. */
  body: Uint8Array;
  /** Every accepted secret: two of them during rotation. */
  secrets: readonly string[];
  nowMs: number;
}

/**
 * Verifies the signature of a WorkOS webhook over the raw bytes. Our own, because the SDK's verifier
 * accepts any future time, ignores the names in the header and reads one signature only, so that rotating
 * the secret would drop events. The time is judged last, by what is really signed.
 */
export function verifySignature(delivery: SignedDelivery): SignatureCheck {
  const { header, body, secrets, nowMs } = delivery;
  if (header === undefined || header === '') return fault('missing');
  const parsed = parseHeader(header);
  if (parsed === null) return fault('malformed');
  if (!anyMatches(parsed, body, secrets)) return fault('mismatch');
  const skewMs = nowMs - Number(parsed.timestamp);
  if (skewMs > toleranceMs) return { ...fault('stale'), skewMs };
  if (skewMs < -toleranceMs) return { ...fault('future'), skewMs };
  return { valid: true };
}

function fault(kind: SignatureFault): Extract<SignatureCheck, { valid: false }> {
  return { valid: false, fault: kind, skewMs: null };
}

interface SignatureHeader {
  /** As it was written: it is part of what is signed. */
  timestamp: string;
  signatures: Buffer[];
}

/** Strict: one time, one to five signatures, nothing else. What is unknown is refused, not skipped. */
function parseHeader(header: string): SignatureHeader | null {
  if (header.length > maxHeaderLength) return null;
  let timestamp: string | null = null;
  const signatures: Buffer[] = [];
  for (const part of header.split(',')) {
    const [, name, value = ''] = /^ ?(t|v1)=([0-9a-f]+)$/.exec(part) ?? [];
    if (name === 't' && timestamp === null && /^\d{13}$/.test(value)) timestamp = value;
    else if (name === 'v1' && value.length === 64) signatures.push(Buffer.from(value, 'hex'));
    else return null;
  }
  if (timestamp === null || signatures.length === 0 || signatures.length > maxSignatures) {
    return null;
  }
  return { timestamp, signatures };
}

/** Compares every signature with every secret, whatever matched before: the time taken tells nothing. */
function anyMatches(
  { timestamp, signatures }: SignatureHeader,
  body: Uint8Array,
  secrets: readonly string[],
): boolean {
  let matches = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
    for (const signature of signatures) {
      if (timingSafeEqual(expected, signature)) matches = true;
    }
  }
  return matches;
}
