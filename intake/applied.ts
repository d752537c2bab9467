import type { HostFile } from '../domain/host-file.ts';
import type { InboxOutcome } from '../platform/mongo/documents.ts';

/** What applying an event to the mirror came to. */
export interface Applied {
  outcome: InboxOutcome;
  organizationId: string;
  /** Memberships that closed or narrowed, to be signalled at once. */
  urgent: string[];
  /** Memberships whose lifecycle has something to do, through the dispatchers' admission. */
  touched: string[];
}

export interface IntakeRules {
  file: HostFile;
  newUserId: () => string;
}
