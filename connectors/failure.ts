import { OutgoingFailed } from '../platform/outgoing/outgoing-failed.ts';
import { isError } from '../platform/safe-error.ts';
import { refusalIn } from '../platform/workos/http-refusal.ts';

/** Why a source failed, in a word that may be shown, and what patience the other side asks for. */
export interface Failure {
  /** `timeout`, `unreachable`, `answered503`, `accountUnclear`, the name of an error, ... */
  code: string;
  /** Milliseconds; null: it asked for none. */
  retryAfterMs: number | null;
}

/** Makes a word of whatever a source throws. An error's message may quote anything, so none is kept. */
export function failureOf(error: unknown): Failure {
  const refusal = refusalIn(error) ?? answerIn(error);
  if (refusal !== null) {
    return { code: `answered${refusal.status}`, retryAfterMs: refusal.retryAfterMs };
  }
  if (!isError(error)) return { code: 'unknown', retryAfterMs: null };
  const code = 'code' in error ? error.code : null;
  const retryAfterMs = 'retryAfterMs' in error ? error.retryAfterMs : null;
  return {
    code: wordOf(code) ?? wordOf(error.name) ?? 'unknown',
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : null,
  };
}

function answerIn(error: unknown): { status: number; retryAfterMs: number | null } | null {
  if (!(error instanceof OutgoingFailed) || error.code !== 'refused') return null;
  return { status: error.status ?? 0, retryAfterMs: error.retryAfterMs };
}

function wordOf(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z]\w{0,63}$/.test(value) ? value : null;
}
