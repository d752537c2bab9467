import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { createMembership } from './create-membership.ts';
import { writeGateIdentities } from './gate-identities.ts';

/**
 * Gives a user whom Tenure knows from another organization a membership in this one, with nothing behind it
 * yet and so closed. Returns its id; null for an unknown user, and for one whose erasure has begun: it would
 * take the profile of the new membership too.
 */
export async function joinOrganization(
  tx: Transaction,
  {
    userId,
    organization,
    actor,
  }: { userId: string; organization: OrganizationDocument; actor: string },
): Promise<string | null> {
  const { session } = tx;
  // "Is it the last membership?" is decided under this fence by an erasure.
  await tx.store.fences.user(tx, userId);
  const user = await tx.collections.users.findOne({ _id: userId, anonymizedAt: null }, { session });
  const erased = await tx.collections.memberships.findOne(
    { userId, 'erasure.wholeUser': true },
    { session, projection: { _id: 1 } },
  );
  if (user === null || user.profile === null || erased !== null) return null;
  const joined = await createMembership(tx, {
    userId,
    organizationId: organization._id,
    profile: user.profile,
    origin: user.origin,
    actor,
    backed: false,
    withoutDirectory: false,
    open: false,
    invited: false,
    roles: [],
    factsRevision: organization.revision,
  });
  await writeGateIdentities(tx, joined.membership, joined.user, []);
  return joined.membership._id;
}
