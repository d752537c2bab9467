import type { DirectoryUser } from '../../domain/directory-user.ts';
import { isCommitted, type Membership } from '../../domain/membership.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { judgeMembership, type Judging } from './judge-membership.ts';
import { ensureOrganization } from '../organization/organization.ts';

/** Who the person is in the organization that their directory belongs to now. */
export interface MovedPerson {
  /** The user whom a membership there is made for; null: the settling's own way of finding one. */
  userId: string | null;
}

/**
 * A directory was moved to another organization: a membership's organization never changes, so the move
 * closes the person's membership there, by the guarded path, and backs one of the same user here. They are
 * found by their user id and never by an address. The mirror is written, without its link, before the old
 * membership is judged, or that one would still find it behind itself.
 */
export async function leaveFormerOrganization(
  tx: Transaction,
  former: Membership,
  settling: Omit<Judging, 'membershipId'> & { mirror: DirectoryUser },
): Promise<MovedPerson> {
  const { mirror, organization } = settling;
  const here = await membershipHere(tx, former.userId, organization);
  mirror.membershipId = here !== null && !isCommitted(here) ? here._id : null;
  await saveMirror(tx, mirror);
  const { _id: membershipId, organizationId } = former;
  const elsewhere = await ensureOrganization(tx, organizationId);
  await judgeMembership(tx, { ...settling, membershipId, organization: elsewhere });
  return { userId: here === null ? former.userId : null };
}

async function membershipHere(
  tx: Transaction,
  userId: string,
  { _id: organizationId }: OrganizationDocument,
): Promise<Membership | null> {
  return tx.collections.memberships.findOne({ userId, organizationId }, { session: tx.session });
}

/** Writes the mirror of one directory user. */
export async function saveMirror(tx: Transaction, mirror: DirectoryUser): Promise<void> {
  await tx.collections.directoryUsers.replaceOne({ _id: mirror._id }, mirror, {
    session: tx.session,
    upsert: true,
  });
}
