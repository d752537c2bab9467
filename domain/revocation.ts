import type { HostFile } from './host-file.ts';

/**
 * Where one kind of credentials stands with the last closing of access that it was asked about.
 *
 * - `verifiedEmpty`: none was left, twice in a row.
 * - `expiresBy`: nothing can end them and nothing can be read back; from `expiresBy` on none is valid any more.
 * - `failed`: the last try came to nothing, for the reason in `code`. It is tried again.
 */
export interface RevocationFact {
  kind: string;
  closing: number;
  outcome: 'verifiedEmpty' | 'expiresBy' | 'failed';
  /** How many were ended for this closing. */
  revoked: number;
  /** When the outcome was first known. */
  at: Date;
  expiresBy: Date | null;
  /** A short word, never a text of the other side; null: did not fail. */
  code: string | null;
}

/** What one pass found out about a kind that can be read back. */
export type RevocationOutcome =
  | { kind: string; outcome: 'verifiedEmpty'; revoked: number; at: Date }
  | { kind: string; outcome: 'failed'; revoked: number; at: Date; code: string };

interface Revocations {
  revocations?: RevocationFact[];
}

/** The kinds of the file that still have to be read back for this closing, in the order of the file. */
export function pendingKinds(
  membership: Revocations,
  file: Pick<HostFile, 'sessions'>,
  closing: number,
): string[] {
  return file.sessions
    .filter(({ connector }) => connector !== 'jwt')
    .map(({ kind }) => kind)
    .filter((kind) => !isVerified(membership, kind, closing));
}

/** Where a kind stands with this very closing; undefined: nothing is known. */
export function revocationOf(
  { revocations }: Revocations,
  kind: string,
  closing: number,
): RevocationFact | undefined {
  return revocations?.find((fact) => fact.kind === kind && fact.closing === closing);
}

/** A later closing that is verified covers the earlier ones: what was open before is ended by it too. */
function isVerified({ revocations }: Revocations, kind: string, closing: number): boolean {
  const fact = revocations?.find((each) => each.kind === kind);
  return fact?.outcome === 'verifiedEmpty' && fact.closing >= closing;
}
