import type { Membership } from '../../domain/membership.ts';
import { deriveAccess, deriveStatus } from '../../domain/status.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { writeNotifications } from '../notifications/write-notifications.ts';

/** Who changes a membership, and how the change relates to the lifecycle. */
export interface ChangeBy {
  /** `directory`, `configuration`, `lifecycle`, `admin:<key name>`, `temporal:<operator id>`, `import`. */
  actor: string;
  /** The change is made only if the membership is still at this revision. */
  atRevision?: number;
  /** The lifecycle's own change: it needs not look again at what it did itself. */
  own?: boolean;
  /** Whether a change that comes to nothing, of somebody who is settled, makes nobody look. */
  quietIfUnchanged?: boolean;
}

/** One line for the timeline: ids, enums, counts and times only. */
export type Note = (
  type: string,
  detail?: Record<string, string | number | boolean | null>,
  reasonId?: string | null,
) => void;

/**
 * Changes one membership inside a transaction: the only way a membership is ever written. It locks by
 * raising the revision, lets `change` edit the facts, derives access and status from them, tells the gate,
 * writes the timeline, and what the host application is to be told. Access closes here at once where the facts
 * no longer allow it.
 *
 * Returns the membership as written; null if it is unknown or not at `by.atRevision`.
 */
export async function changeMembership(
  tx: Transaction,
  membershipId: string,
  by: ChangeBy,
  change: (membership: Membership, note: Note) => void | Promise<void>,
): Promise<Membership | null> {
  const membership = await tx.store.fences.membership(tx, membershipId, by.atRevision);
  if (membership === null) return null;
  const before = structuredClone(membership);
  const lines: Parameters<Note>[] = [];
  await change(membership, (...line) => lines.push(line));
  deriveFacts(membership, before, tx.at);
  markPending(membership, before, by, tx.at);
  await tx.collections.memberships.replaceOne({ _id: membershipId }, membership, {
    session: tx.session,
  });
  if (gateSees(membership) !== gateSees(before)) await tellGate(tx, membership);
  await writeTimeline(tx, membership, by.actor, lines);
  await writeNotifications(tx, before, membership, lines);
  return membership;
}

function deriveFacts(membership: Membership, before: Membership, at: Date): void {
  membership.access = deriveAccess(membership);
  membership.status = deriveStatus(membership);
  membership.updatedAt = at;
  const shownDifferently =
    membership.status !== before.status ||
    membership.disabledAt?.getTime() !== before.disabledAt?.getTime();
  if (shownDifferently && membership.erasure === null) membership.projection.wanted += 1;
}

/**
 * The outbox. The lifecycle's own change moves `lookedRevision` along, unless somebody else's change waits
 * to be looked at already; everybody else's makes the lifecycle look again.
 */
function markPending(membership: Membership, before: Membership, by: ChangeBy, at: Date): void {
  // The lock raised the revision by one, so nothing else waited if the look is just one behind.
  const nothingElseWaits = before.lookedRevision === before.revision - 1;
  if ((by.own === true || cameToNothing(membership, before, by)) && nothingElseWaits) {
    membership.lookedRevision = membership.revision;
    membership.urgent = false;
    delete membership.pendingSince;
    return;
  }
  membership.pendingSince ??= at;
  membership.resting = false;
}

/** A policy that changed for ten thousand settled people must not start ten thousand lifecycles for nothing. */
function cameToNothing(membership: Membership, before: Membership, by: ChangeBy): boolean {
  if (by.quietIfUnchanged !== true || before.phase !== 'settled' || !before.resting) return false;
  const { factsRevision, updatedAt } = before;
  return JSON.stringify({ ...membership, factsRevision, updatedAt }) === JSON.stringify(before);
}

function gateSees(membership: Membership): string {
  const { access, roles, permissions, features } = membership;
  return JSON.stringify([access, roles, permissions, features]);
}

async function tellGate(tx: Transaction, membership: Membership): Promise<void> {
  await tx.collections.gate.updateOne(
    { _id: membership._id },
    {
      $set: {
        access: membership.access,
        roles: membership.roles.map(({ role }) => role),
        permissions: membership.permissions,
        features: membership.features,
      },
    },
    { session: tx.session },
  );
}

/** Writes the lines of one change; their ids follow from the revision, so a retried transaction writes them once. */
export async function writeTimeline(
  tx: Transaction,
  membership: Membership,
  actor: string,
  lines: Parameters<Note>[],
): Promise<void> {
  if (lines.length === 0) return;
  await tx.collections.timeline.insertMany(
    lines.map(([type, detail, reasonId], index) => ({
      _id: `${membership._id}/${membership.revision}/${index}`,
      membershipId: membership._id,
      userId: membership.userId,
      organizationId: membership.organizationId,
      revision: membership.revision,
      at: tx.at,
      type,
      actor,
      generation: membership.generation,
      detail: detail ?? {},
      reasonId: reasonId ?? null,
    })),
    { session: tx.session },
  );
}
