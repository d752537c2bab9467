import type { DirectoryUser } from '../domain/directory-user.ts';
import { currentRecord } from '../domain/directory-user.ts';
import type { HostFile } from '../domain/host-file.ts';
import { isCommitted } from '../domain/membership.ts';
import { profileOf } from '../domain/profile.ts';
import type { OrganizationDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { removeGateIdentities } from './gate-identities.ts';
import { judgeMembership, type JudgingCause } from './judge-membership.ts';
import { linkDirectoryUser } from './link-directory-user.ts';
import { notice } from './notice.ts';
import { backingIn, surroundingsOf, type Surroundings } from './surroundings.ts';

/** A directory user as the mirror has it now, and what is known around it. */
export interface Settling {
  /** Changed in place: its link, and what is stripped from it. */
  mirror: DirectoryUser;
  /** Nothing was known of this directory user before: only then anybody is looked for by e-mail. */
  firstSeen: boolean;
  organization: OrganizationDocument;
  file: Pick<HostFile, 'defaults' | 'attributes'>;
  newUserId: () => string;
  receivedAt: Date;
  cause: JudgingCause;
}

/** Whose membership was touched, and whether its access closed or narrowed, which is signalled first. */
export interface Settled {
  membershipId: string | null;
  urgent: boolean;
  /** The one told of is a stranger, and of strangers only ids and versions are kept. */
  nobody: boolean;
}

/**
 * Settles one person after something about them, or about everybody, changed: finds or makes who they are,
 * saves the mirror, and judges their membership. The one way that every telling takes, whether it came as
 * an event, in a listing or by a change of the organization.
 */
export async function settlePerson(tx: Transaction, settling: Settling): Promise<Settled> {
  const { mirror, organization, file } = settling;
  const surroundings = await surroundingsOf(tx, organization, file, [mirror]);
  await leaveForgottenPerson(tx, mirror, surroundings);
  const linked = await ensureLink(tx, settling, surroundings);
  mirror.factsRevision = organization.revision;
  await tx.collections.directoryUsers.replaceOne({ _id: mirror._id }, mirror, {
    session: tx.session,
    upsert: true,
  });
  const { membershipId } = mirror;
  if (membershipId === null) return { membershipId, urgent: false, nobody: linked === 'nobody' };
  // Whoever was created just now is as their record says, unless a group or a role says more.
  const told =
    linked === 'created' && !organization.mapped && currentRecord(mirror).roles.length === 0;
  if (told) return { membershipId, urgent: false, nobody: false };
  const membership = await judgeMembership(tx, { ...settling, membershipId });
  if (membership === null) {
    throw new TypeError('A mirror points to a membership that does not exist.');
  }
  return { membershipId, urgent: membership.urgent, nobody: false };
}

/**
 * Past the commit point a person who comes back is a new user: the mirror lets go of the old membership,
 * whose erasure finishes. Anything but an active record stays with the one that is being erased.
 */
async function leaveForgottenPerson(
  tx: Transaction,
  mirror: DirectoryUser,
  surroundings: Surroundings,
): Promise<void> {
  if (mirror.membershipId === null) return;
  const membership = await tx.collections.memberships.findOne(
    { _id: mirror.membershipId },
    { session: tx.session },
  );
  if (membership === null || !isCommitted(membership)) return;
  if (backingIn(mirror, surroundings) !== 'backs') {
    stripUnlessActive(mirror);
    return;
  }
  await notice(tx, 'returnAfterErasure', {
    organizationId: mirror.organizationId,
    directoryId: mirror.directoryId,
    subjectId: membership._id,
  });
  await removeGateIdentities(tx, membership._id, mirror);
  mirror.membershipId = null;
}

async function ensureLink(
  tx: Transaction,
  { mirror, firstSeen, organization, file, newUserId }: Settling,
  surroundings: Surroundings,
): Promise<'linked' | 'created' | 'pending' | 'nobody'> {
  if (mirror.membershipId !== null) return 'linked';
  const { profile } = currentRecord(mirror);
  const outcome = await linkDirectoryUser(tx, {
    mirror,
    profile: profile === null ? null : profileOf(profile, file.attributes),
    policy: surroundings.policy,
    backs: backingIn(mirror, surroundings) === 'backs',
    firstSeen,
    newUserId,
    factsRevision: organization.revision,
  });
  if (outcome.linked === 'nobody') stripUnlessActive(mirror);
  if (outcome.linked === 'pending' || outcome.linked === 'nobody') return outcome.linked;
  mirror.membershipId = outcome.membershipId;
  return outcome.linked === 'created' ? 'created' : 'linked';
}

/** A removal never creates: of somebody unknown only ids and versions stay. */
function stripUnlessActive(mirror: DirectoryUser): void {
  for (const record of mirror.records) {
    if (record.state !== 'active') record.profile = null;
  }
}
