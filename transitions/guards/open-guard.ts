import { newId } from '../../platform/ids.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { ensureOrganization } from '../organization/organization.ts';
import { noticeGuard } from './notice-guard.ts';

/** A guard to be opened. */
export interface GuardOpening {
  organizationId: string;
  kind: GuardDocument['kind'];
  /** `mass`: whose people leave. `teardown`: which directory went. null: the organization itself, or configuration. */
  directoryId: string | null;
  /** What a rejection writes back; null where there is nothing to write back. */
  restores: GuardDocument['restores'];
  /** The end of a switch of provider: the directories whose end it had held up. */
  ended?: string[];
  /** `mass`: the first and the last closing that it covers. */
  window?: NonNullable<GuardDocument['window']>;
}

/**
 * Opens a guard in the transaction of the change whose endings wait at it: whoever changes configuration
 * that can end access, or tears a directory down, calls this after `raiseOrganization`, which says who it is,
 * and everybody whom that change ends waits at the guard from the moment their access closes.
 *
 * A change may end nobody's access in the end. So the guard is shown, and told of by the notice
 * `guardOpened`, once somebody waits at it; one that nobody waits at is dropped when the change has reached
 * everybody (`spread-guards.ts`).
 */
export async function openGuard(tx: Transaction, opening: GuardOpening): Promise<string> {
  const { organizationId } = opening;
  const { revisedBy } = await ensureOrganization(tx, organizationId);
  const guardId = await insertGuard(tx, opening, { shown: false, changedBy: revisedBy });
  await tx.collections.organizations.updateOne(
    { _id: organizationId },
    { $set: { guardId } },
    { session: tx.session },
  );
  return guardId;
}

/**
 * Opens a guard for people who are known to wait at it, so that it is shown and told of at once. Nobody comes
 * to it by a change of the organization.
 */
export async function openGuardFor(tx: Transaction, opening: GuardOpening): Promise<string> {
  return insertGuard(tx, opening, { shown: true });
}

async function insertGuard(
  tx: Transaction,
  opening: GuardOpening,
  { shown, changedBy }: { shown: boolean; changedBy?: string | undefined },
): Promise<string> {
  const guard: GuardDocument = {
    _id: newId('guard'),
    organizationId: opening.organizationId,
    kind: opening.kind,
    directoryId: opening.directoryId,
    state: 'open',
    shown,
    openedAt: tx.at,
    ...(changedBy === undefined ? {} : { changedBy }),
    window: opening.window ?? null,
    restores: opening.restores,
    ...(opening.ended === undefined ? {} : { ended: opening.ended }),
    approvals: [],
    decidedBy: null,
    decidedAt: null,
    reasonId: null,
    spreading: true,
    spreadSince: tx.at,
  };
  await tx.collections.guards.insertOne(guard, { session: tx.session });
  if (shown) await noticeGuard(tx, guard);
  return guard._id;
}
