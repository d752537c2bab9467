import { newId } from '../platform/ids.ts';
import type { GuardDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { ensureOrganization } from './organization.ts';
import { noticeGuard } from './notice-guard.ts';

/** A guard to be opened. */
export interface GuardOpening {
  organizationId: string;
  kind: GuardDocument['kind'];
  /** `mass`: whose people leave. `teardown`: which directory went. null: the organization itself, or configuration. */
  directoryId: string | null;
  /** What a rejection writes back; null where there is nothing to write back. */
  restores: GuardDocument['restores'];
  /** `mass`: the first and the last closing that it covers. */
  window?: NonNullable<GuardDocument['window']>;
}

/**
 * Opens a guard in the transaction of the change whose endings wait at it: whoever changes configuration
 * that can end access, or tears a directory down, calls this beside `raiseOrganization`, and everybody whom
 * that change ends waits at the guard from the moment their access closes.
 *
 * A change may end nobody's access in the end. So a guard of configuration or a teardown is shown, and told
 * of by the notice `guardOpened`, once somebody waits at it; one that nobody does is dropped when the change
 * has reached everybody (`spread-guards.ts`). A mass guard has somebody from the start.
 */
export async function openGuard(tx: Transaction, opening: GuardOpening): Promise<string> {
  const { organizationId, kind } = opening;
  const isMass = kind === 'mass';
  const guard: GuardDocument = {
    _id: newId('guard'),
    organizationId,
    kind,
    directoryId: opening.directoryId,
    state: 'open',
    shown: isMass,
    openedAt: tx.at,
    window: opening.window ?? null,
    restores: opening.restores,
    approvals: [],
    decidedBy: null,
    decidedAt: null,
    reasonId: null,
    spreading: true,
    spreadSince: tx.at,
  };
  await tx.collections.guards.insertOne(guard, { session: tx.session });
  if (isMass) {
    await noticeGuard(tx, guard);
    return guard._id;
  }
  await ensureOrganization(tx, organizationId);
  await tx.collections.organizations.updateOne(
    { _id: organizationId },
    { $set: { guardId: guard._id } },
    { session: tx.session },
  );
  return guard._id;
}
