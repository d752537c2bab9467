import { backingOf, type DirectoryUser } from '../domain/directory-user.ts';
import { isCommitted } from '../domain/membership.ts';
import type { Policy } from '../domain/policy.ts';
import { profileOf } from '../domain/profile.ts';
import { isNewer } from '../domain/versions.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { backMembership } from '../transitions/back-membership.ts';
import { changeProfile } from '../transitions/change-profile.ts';
import { removeGateIdentities, writeGateIdentities } from '../transitions/gate-identities.ts';
import { linkDirectoryUser } from '../transitions/link-directory-user.ts';
import { notice } from '../transitions/notice.ts';
import { policyOf } from '../transitions/organization.ts';
import type { Applied, IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import { findMirror } from './find-mirror.ts';
import type { UserTelling } from './parse-event.ts';

/**
 * Applies what an event tells of one directory user: mirror, link and membership, in the caller's
 * transaction. Access closes here where the last backing goes.
 */
export async function applyUser(
  tx: Transaction,
  telling: UserTelling,
  rules: IntakeRules,
  receivedAt: Date,
): Promise<Applied> {
  const { organization } = await ensureDirectory(tx, telling, rules.file);
  const policy = policyOf(organization, rules.file);
  const mirror = await findMirror(tx, organization._id, telling);
  const held = mirror.records.find(({ id }) => id === telling.record.id);
  const nothing = { organizationId: organization._id, urgent: [], touched: [] };
  if (!isNewer(telling.record.version, held?.version ?? null)) {
    return { ...nothing, outcome: 'stale' };
  }
  const firstSeen = mirror.records.length === 0;
  mirror.records = [
    ...mirror.records.filter(({ id }) => id !== telling.record.id),
    { ...telling.record },
  ];
  await leaveForgottenPerson(tx, mirror, policy);
  const linked = await ensureLink(tx, { mirror, firstSeen, telling }, policy, rules);
  await saveMirror(tx, mirror);
  if (mirror.membershipId === null) return { ...nothing, outcome: 'applied' };
  if (linked === 'created') {
    return { ...nothing, outcome: 'applied', touched: [mirror.membershipId] };
  }
  const urgent = await bringInLine(tx, mirror.membershipId, policy, rules, receivedAt);
  return {
    ...nothing,
    outcome: 'applied',
    ...(urgent ? { urgent: [mirror.membershipId] } : { touched: [mirror.membershipId] }),
  };
}

/**
 * Past the commit point a person who comes back is a new user: the mirror lets go of the old membership,
 * whose erasure finishes. Anything but an active record stays with the one that is being erased.
 */
async function leaveForgottenPerson(
  tx: Transaction,
  mirror: DirectoryUser,
  policy: Policy,
): Promise<void> {
  if (mirror.membershipId === null) return;
  const membership = await tx.collections.memberships.findOne(
    { _id: mirror.membershipId },
    { session: tx.session },
  );
  if (membership === null || !isCommitted(membership)) return;
  if (backingOf(mirror, policy) !== 'backs') {
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

/** A directory user as the mirror has it now, and what was told last. */
interface Told {
  mirror: DirectoryUser;
  /** Nothing was known of this directory user before. */
  firstSeen: boolean;
  telling: UserTelling;
}

async function ensureLink(
  tx: Transaction,
  { mirror, firstSeen, telling }: Told,
  policy: Policy,
  rules: IntakeRules,
): Promise<'linked' | 'created' | 'none'> {
  if (mirror.membershipId !== null) return 'linked';
  const backs = backingOf(mirror, policy) === 'backs';
  const outcome = await linkDirectoryUser(tx, {
    mirror,
    profile: profileOf(telling.record.profile, rules.file.attributes),
    policy,
    backs,
    firstSeen,
    newUserId: rules.newUserId,
  });
  switch (outcome.linked) {
    case 'existing':
    case 'created':
      mirror.membershipId = outcome.membershipId;
      return outcome.linked === 'created' ? 'created' : 'linked';
    case 'pending':
      return 'none';
    case 'nobody':
      await recordUnknown(tx, mirror, telling);
      return 'none';
  }
}

/** A removal never creates: of somebody unknown only ids and versions stay, and a line for investigation. */
async function recordUnknown(
  tx: Transaction,
  mirror: DirectoryUser,
  telling: UserTelling,
): Promise<void> {
  stripUnlessActive(mirror);
  if (telling.record.state !== 'deleted') return;
  await notice(tx, 'unknownRemoval', {
    organizationId: mirror.organizationId,
    directoryId: mirror.directoryId,
    subjectId: telling.record.id,
  });
}

function stripUnlessActive(mirror: DirectoryUser): void {
  for (const record of mirror.records) {
    if (record.state !== 'active') record.profile = null;
  }
}

async function saveMirror(tx: Transaction, mirror: DirectoryUser): Promise<void> {
  await tx.collections.directoryUsers.replaceOne({ _id: mirror._id }, mirror, {
    session: tx.session,
    upsert: true,
  });
}

/** Returns whether access closed or a revocation is due, which is signalled before anything else. */
async function bringInLine(
  tx: Transaction,
  membershipId: string,
  policy: Policy,
  rules: IntakeRules,
  receivedAt: Date,
): Promise<boolean> {
  const backed = await backMembership(tx, {
    membershipId,
    policy,
    receivedAt,
    alsoChange: async (membership, directoryUsers) => {
      if (isCommitted(membership)) return;
      const user = await changeProfile(tx, membership, directoryUsers, {
        policy,
        attributes: rules.file.attributes,
      });
      await writeGateIdentities(tx, membership, user, directoryUsers);
    },
  });
  if (backed === null) throw new TypeError('A mirror points to a membership that does not exist.');
  return backed.membership.urgent;
}
