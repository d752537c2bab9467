import { combinedBacking, type DirectoryUser } from '../../domain/directory-user.ts';
import { grantsOf } from '../../domain/grants.ts';
import { isSoonAfter } from '../../domain/guard-rule.ts';
import type { IdentityRules } from '../../domain/host-file.ts';
import {
  guardOf,
  hasLeft,
  isCommitted,
  isEntitled,
  isRetained,
  type Membership,
} from '../../domain/membership.ts';
import type { DirectoryDocument, OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Transaction } from '../../platform/mongo/store.ts';
import { comeIn, demandRevocation, leave, narrow, readmit } from './access-facts.ts';
import { changeMembership, type Note } from './change-membership.ts';
import { changeProfile } from './change-profile.ts';
import { writeGateIdentities } from './gate-identities.ts';
import { backingIn, saysTheyAreOut, surroundingsOf, type Surroundings } from './surroundings.ts';

/**
 * Why a membership is judged: an event or listing told of this very person, or a fact about the whole
 * organization changed (policy, mapping, directory, group).
 */
export type JudgingCause = 'directory' | 'configuration';

export interface Judging {
  membershipId: string;
  /** As read in this transaction. */
  organization: OrganizationDocument;
  /** The directory of the person told of, where it was read in this transaction already. */
  directory?: DirectoryDocument;
  /** The directory user told of; absent where no single one was. */
  mirror?: DirectoryUser;
  file: IdentityRules;
  receivedAt: Date;
  cause: JudgingCause;
  /** WorkOS is to be asked afresh about the person. */
  readAfresh?: boolean;
}

/**
 * Judges a membership by everything that is known now, under its lock: whether a directory stands behind
 * it, what the directory gives, what the profile says. Closes access and takes away what is no longer given
 * in this transaction; opening and widening are left to the lifecycle.
 *
 * The lock comes first and everything is read after it. The other way round, two directory users that leave
 * at once would each see the other one still there.
 */
export async function judgeMembership(
  tx: Transaction,
  judging: Judging,
): Promise<Membership | null> {
  const { membershipId, organization, file, cause } = judging;
  const { actor, ...word } = whoseWord(judging);
  const by = { actor, quietIfUnchanged: cause === 'configuration' };
  return changeMembership(tx, membershipId, by, async (draft, write) => {
    const note: Note = (type, detail, reasonId) => {
      write(type, { ...detail, ...word }, reasonId);
    };
    // Past the commit point nothing about the person is decided any more: the erasure finishes.
    if (isCommitted(draft)) return;
    if (judging.readAfresh === true) draft.readAfresh.wanted += 1;
    const mirrors = await tx.collections.directoryUsers
      .find({ membershipId }, { session: tx.session })
      .toArray();
    const surroundings = await surroundingsOf(tx, organization, file, mirrors, judging.directory);
    applyBacking(draft, mirrors, surroundings, judging, tx.at, note);
    applyGrants(draft, mirrors, surroundings, judging, note);
    draft.factsRevision = organization.revision;
    const user = await changeProfile(tx, draft, mirrors, {
      surroundings,
      file,
    });
    await writeGateIdentities(tx, draft, user, mirrors);
  });
}

/**
 * Whose word changes the membership: the directory's, or, while a change of the configuration is being spread,
 * the configuration's. Then every line leads to who made that change.
 */
function whoseWord({ cause, organization }: Judging): { actor: string; changedBy?: string } {
  const { revisedBy = 'directory' } = organization;
  if (cause === 'directory' || revisedBy === 'directory') return { actor: 'directory' };
  return { actor: 'configuration', changedBy: revisedBy };
}

function applyBacking(
  membership: Membership,
  mirrors: DirectoryUser[],
  surroundings: Surroundings,
  judging: Judging,
  at: Date,
  note: Note,
): void {
  const backing = combinedBacking(mirrors.map((mirror) => backingIn(mirror, surroundings)));
  switch (backing) {
    case 'backs':
      if (!membership.backed || membership.suspended) {
        comeIn(membership, { undone: isUndone(membership, surroundings, judging, at) }, note);
      }
      return;
    case 'suspended':
      // A suspension takes nobody back who left: only an active record does.
      if (membership.suspended || hasLeft(membership)) return;
      membership.suspended = true;
      membership.backed = true;
      membership.everBacked = true;
      demandRevocation(membership, 'suspended', at, judging.receivedAt);
      note('suspended');
      return;
    case 'none':
      endBacking(membership, mirrors, surroundings, judging, at, note);
  }
}

/**
 * Whether what brings the person back undoes their leaving. It waits at a guard, or an admin rejected it, and
 * now the configuration that ended it is as it was. Or an admin rejected it as one of a mass, and the
 * directory brings back whom it still knows: for as long as nobody would be erased after an approval. Later
 * it is a return like any other, to another job perhaps.
 */
function isUndone(
  membership: Membership,
  { policy }: Surroundings,
  { cause }: Judging,
  at: Date,
): boolean {
  const state = guardOf(membership)?.state;
  if (cause === 'configuration') return state === 'waits' || state === 'rejected';
  const { retained } = membership;
  const kept = state === 'rejected' && retained !== null && isRetained(membership);
  return kept && isSoonAfter(policy.guard, retained.at, at);
}

function endBacking(
  membership: Membership,
  mirrors: DirectoryUser[],
  surroundings: Surroundings,
  judging: Judging,
  at: Date,
  note: Note,
): void {
  if (hasLeft(membership)) {
    if (wasEndedByMistake(membership, mirrors, judging.organization)) readmit(membership, note);
    return;
  }
  if (!isOut(membership, mirrors, surroundings, judging.organization)) return;
  const { receivedAt } = judging;
  const { policy } = surroundings;
  leave(
    membership,
    {
      policy,
      at,
      receivedAt,
      leftFrom: leftFrom(mirrors, judging),
      guardId: guardFor(membership, judging),
    },
    note,
  );
}

/**
 * Whether having no backing means that the person is out. Somebody whom no directory user ever stood behind
 * keeps what they have until the organization's Directory Sync is `enabled`: from then on only a directory
 * lets anybody in. Being told of by an inactive record is being in a directory; one of a directory without a
 * say, or in no access group yet, tells nothing about them.
 */
function isOut(
  membership: Membership,
  mirrors: DirectoryUser[],
  surroundings: Surroundings,
  { directorySync, deletedAt }: OrganizationDocument,
): boolean {
  if (deletedAt !== null) return isEntitled(membership);
  if (membership.everBacked) return true;
  if (mirrors.some((mirror) => saysTheyAreOut(mirror, surroundings))) return true;
  return membership.withoutDirectory && directorySync === 'enabled';
}

/** Turning Directory Sync on ended it, an admin rejected that, and it is not on any more. */
function wasEndedByMistake(
  membership: Membership,
  mirrors: DirectoryUser[],
  { directorySync, deletedAt }: OrganizationDocument,
): boolean {
  if (deletedAt !== null) return false;
  const rejected = guardOf(membership)?.state === 'rejected';
  const neverInDirectory = membership.withoutDirectory && !membership.everBacked;
  return rejected && neverInDirectory && mirrors.length === 0 && directorySync !== 'enabled';
}

/**
 * An ending that configuration or a teardown causes waits at the guard of that change, whatever its size.
 * So does one that an event reveals before the change has been spread to this person: which of the two
 * ended it cannot be told, and a wrong guess would let a mistake in the configuration count down.
 */
function guardFor(membership: Membership, { cause, organization }: Judging): string | null {
  const notReachedYet = membership.factsRevision < organization.revision;
  return cause === 'configuration' || notReachedYet ? organization.guardId : null;
}

/**
 * The directory whose word ended the backing: of several that stood behind a person the last one. Counted
 * under any other, a mass leaving of one directory would be split and stay below the guard's limit. Where no
 * single word ended it the guard of that change holds everybody up anyway: the first by id.
 */
function leftFrom(mirrors: DirectoryUser[], { mirror, cause }: Judging): string | null {
  const told = mirrors.find(({ _id }) => _id === mirror?._id);
  if (told !== undefined && cause === 'directory') return told.directoryId;
  return mirrors.map(({ directoryId }) => directoryId).toSorted()[0] ?? null;
}

function applyGrants(
  membership: Membership,
  mirrors: DirectoryUser[],
  surroundings: Surroundings,
  { cause }: Judging,
  note: Note,
): void {
  if (hasLeft(membership)) return;
  const backing = mirrors.filter((mirror) => backingIn(mirror, surroundings) !== 'none');
  const wanted = grantsOf(
    backing.map((mirror) => surroundings.groupsOf(mirror)),
    surroundings.mappings,
  );
  narrow(membership, wanted, { urgent: cause === 'directory' }, note);
}
