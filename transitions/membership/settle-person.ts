import type { DirectoryUser } from '../../domain/directory-user.ts';
import { currentRecord } from '../../domain/directory-user.ts';
import type { IdentityRules } from '../../domain/host-file.ts';
import { isCommitted, type Membership } from '../../domain/membership.ts';
import { profileOf } from '../../domain/profile.ts';
import type { DirectoryDocument, OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { removeGateIdentities } from './gate-identities.ts';
import { judgeMembership, type JudgingCause } from './judge-membership.ts';
import { linkDirectoryUser } from '../links/link-directory-user.ts';
import { leaveFormerOrganization, saveMirror } from './move-person.ts';
import { notice } from '../notice.ts';
import { ensureOrganization } from '../organization/organization.ts';
import { backingIn, saysTheyAreThere, surroundingsOf, type Surroundings } from './surroundings.ts';

/** A directory user as the mirror has it now, and what is known around it. */
export interface Settling {
  /** Changed in place: its link, and what is stripped from it. */
  mirror: DirectoryUser;
  /** Nothing was known of this directory user before: only then anybody is looked for by e-mail. */
  firstSeen: boolean;
  organization: OrganizationDocument;
  /** Their directory, where it was read in this transaction already. */
  directory?: DirectoryDocument;
  file: IdentityRules;
  newUserId: () => string;
  receivedAt: Date;
  cause: JudgingCause;
  /** What was told of them does not suffice: WorkOS is to be asked before anything is opened. */
  readAfresh?: boolean;
}

type Linked = 'linked' | 'created' | 'pending' | 'nobody';

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
  const { mirror, organization } = settling;
  mirror.organizationId = organization._id;
  const former = await membershipOf(tx, mirror);
  const stays =
    former !== null && !isCommitted(former) && former.organizationId === organization._id;
  const linked = stays ? 'linked' : await findPerson(tx, settling, former);
  mirror.factsRevision = organization.revision;
  await saveMirror(tx, mirror);
  const { membershipId } = mirror;
  if (membershipId === null) return { membershipId, urgent: false, nobody: linked === 'nobody' };
  // Whoever was created just now is as their record says, unless a group or a role says more.
  const nothingMore = !organization.mapped && currentRecord(mirror).roles.length === 0;
  if (linked === 'created' && nothingMore && settling.readAfresh !== true)
    return { membershipId, urgent: false, nobody: false };
  const membership = await judge(tx, settling, membershipId, former);
  return { membershipId, urgent: membership.urgent, nobody: false };
}

/** Who the directory user is, where they are new, past the commit point, or come from another organization. */
async function findPerson(
  tx: Transaction,
  settling: Settling,
  former: Membership | null,
): Promise<Linked> {
  const { mirror, organization, file } = settling;
  const surroundings = await surroundingsOf(tx, organization, file, [mirror], settling.directory);
  const backs = backingIn(mirror, surroundings) === 'backs';
  let { newUserId } = settling;
  if (former !== null && isCommitted(former)) {
    await leaveForgottenPerson(tx, mirror, former, backs);
  } else if (former !== null && backs) {
    const { userId } = await leaveFormerOrganization(tx, former, settling);
    if (userId !== null) newUserId = () => userId;
  }
  return ensureLink(tx, { ...settling, newUserId }, surroundings);
}

async function membershipOf(tx: Transaction, mirror: DirectoryUser): Promise<Membership | null> {
  if (mirror.membershipId === null) return null;
  const { session } = tx;
  return tx.collections.memberships.findOne({ _id: mirror.membershipId }, { session });
}

/** A membership is judged by the facts of its own organization, also where its directory moved elsewhere. */
async function judge(
  tx: Transaction,
  settling: Settling,
  membershipId: string,
  former: Membership | null,
): Promise<Membership> {
  const elsewhere =
    former !== null &&
    former._id === membershipId &&
    former.organizationId !== settling.organization._id;
  const organization = elsewhere
    ? await ensureOrganization(tx, former.organizationId)
    : settling.organization;
  const membership = await judgeMembership(tx, { ...settling, membershipId, organization });
  if (membership === null) {
    throw new TypeError('A mirror points to a membership that does not exist.');
  }
  return membership;
}

/**
 * Past the commit point a person who comes back is a new user: the mirror lets go of the old membership,
 * whose erasure finishes. Anything but an active record stays with the one that is being erased.
 */
async function leaveForgottenPerson(
  tx: Transaction,
  mirror: DirectoryUser,
  membership: Membership,
  backs: boolean,
): Promise<void> {
  if (!backs) {
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
  mirror.cameBack = true;
}

async function ensureLink(
  tx: Transaction,
  { mirror, firstSeen, organization, file, newUserId }: Settling,
  surroundings: Surroundings,
): Promise<Linked> {
  if (mirror.membershipId !== null) return 'linked';
  const { profile } = currentRecord(mirror);
  const outcome = await linkDirectoryUser(tx, {
    mirror,
    profile: profile === null ? null : profileOf(profile, file.attributes),
    policy: surroundings.policy,
    file,
    backs: backingIn(mirror, surroundings) === 'backs',
    there: saysTheyAreThere(mirror, surroundings),
    firstSeen,
    newUserId,
    factsRevision: organization.revision,
  });
  if (outcome.linked === 'nobody') {
    // Nothing comes from a directory that is gone, so nothing would ever erase what it said.
    if (surroundings.standingOf(mirror).directoryGone) stripAll(mirror);
    else stripUnlessActive(mirror);
  }
  if (outcome.linked === 'pending' || outcome.linked === 'nobody') return outcome.linked;
  mirror.membershipId = outcome.membershipId;
  return outcome.linked === 'created' ? 'created' : 'linked';
}

function stripAll(mirror: DirectoryUser): void {
  for (const record of mirror.records) record.profile = null;
}

/** A removal never creates: of somebody unknown only ids and versions stay. */
function stripUnlessActive(mirror: DirectoryUser): void {
  for (const record of mirror.records) {
    if (record.state !== 'active') record.profile = null;
  }
}
