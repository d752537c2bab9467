import type { DirectoryUser } from '../../domain/directory-user.ts';
import { guardOf, hasLeft, type Membership } from '../../domain/membership.ts';
import { currentRecord } from '../../domain/directory-user.ts';
import { newId } from '../../platform/ids.ts';
import type { LinkDocument, ReplacedByLink } from '../../platform/mongo/link-documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { changeMembership } from '../membership/change-membership.ts';

/** Who links a directory user to a membership that was there before, and how it was found. */
export interface Linking {
  mirror: DirectoryUser;
  membershipId: string;
  how: LinkDocument['how'];
  /** `directory`, or `admin:<key name>`. */
  actor: string;
  /** The link request that was decided; null where none was needed. */
  requestId: string | null;
  reasonId: string | null;
}

/**
 * Writes down a link and what it replaces, before anything of it is changed, so that an admin can undo it.
 * The membership is judged afterwards. Returns it as it was found, under its lock; null if it is unknown.
 */
export async function writeLink(tx: Transaction, linking: Linking): Promise<Membership | null> {
  const { mirror, membershipId, how, actor } = linking;
  return changeMembership(tx, membershipId, { actor }, async (membership, note) => {
    const link: LinkDocument = {
      _id: newId('link'),
      organizationId: mirror.organizationId,
      membershipId,
      mirrorId: mirror._id,
      how,
      at: tx.at,
      replaced: await replacedBy(tx, membership),
      undone: null,
    };
    await tx.collections.links.insertOne(link, { session: tx.session });
    note(
      'linked',
      {
        directoryUserId: currentRecord(mirror).id,
        how,
        ...(linking.requestId === null ? {} : { linkRequestId: linking.requestId }),
      },
      linking.reasonId,
    );
  });
}

async function replacedBy(tx: Transaction, membership: Membership): Promise<ReplacedByLink> {
  const user = await tx.collections.users.findOne(
    { _id: membership.userId },
    { session: tx.session },
  );
  const { backed, everBacked, disabledAt, dueAt } = membership;
  const aheadMs = (dueAt?.getTime() ?? tx.at.getTime()) - tx.at.getTime();
  return {
    profile: user?.profile ?? null,
    emailHistory: user?.emailHistory ?? [],
    backed,
    everBacked,
    left: hasLeft(membership)
      ? { disabledAt, remainingMs: Math.max(aheadMs, 0), guard: guardOf(membership) }
      : null,
  };
}
