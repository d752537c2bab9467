import type { HostFile } from '../domain/host-file.ts';
import type { InboxOutcome } from '../platform/mongo/documents.ts';
import type { Settled } from '../transitions/membership/settle-person.ts';
import type { Problem } from './telling.ts';

/** What applying an event to the mirror came to. */
export interface Applied {
  outcome: InboxOutcome;
  organizationId: string;
  /** Memberships that closed or narrowed, to be signalled at once. */
  urgent: string[];
  /** Memberships whose lifecycle has something to do, through the dispatchers' admission. */
  touched: string[];
  /** Why it could not be applied to what is known; only with the outcome `quarantined`. */
  problems?: Problem[];
}

export interface IntakeRules {
  file: HostFile;
  newUserId: () => string;
}

/** Who is to be signalled, and how soon. */
export function signalsOf({
  membershipId,
  urgent,
}: Pick<Settled, 'membershipId' | 'urgent'>): Pick<Applied, 'urgent' | 'touched'> {
  const signalled = membershipId === null ? [] : [membershipId];
  return urgent ? { urgent: signalled, touched: [] } : { urgent: [], touched: signalled };
}
