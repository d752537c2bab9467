import { randomInt } from 'node:crypto';

import type { DirectoryUser } from '../../domain/directory-user.ts';
import type { IdentityRules } from '../../domain/host-file.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction, longestTransactionMs } from '../../platform/mongo/transaction.ts';
import { inTurns, throwAll } from '../in-turns.ts';
import { judgeMembership } from '../membership/judge-membership.ts';
import { lockPeople } from '../membership/person-locks.ts';
import { settlePerson } from '../membership/settle-person.ts';

export interface SpreadRules {
  file: IdentityRules;
  newUserId: () => string;
}

/** How many people one batch judges. */
const batchSize = 200;
/** From how many batches' worth of people one batch is drawn. */
const spread = 10;

/** By how much the clocks of two processes may differ. */
const clocksDifferMs = 10_000;

/**
 * How long after the time that is written with a change somebody may still come by the facts from before it.
 * The change is committed up to a whole transaction after that time, one that read the former facts up to a
 * whole transaction after that, and the time is of another process's clock. Only then nobody is missed.
 */
export const lateCommitMs = 2 * longestTransactionMs + clocksDifferMs;

/**
 * Spreads changed facts of organizations to their people: judges everybody whom the newest revision has not
 * judged yet, each in a transaction of their own, one batch for each organization a call. Where it stands is
 * written with each person, so it goes on after a crash, and judging somebody twice comes to the same.
 * Returns whether there may be more to do at once.
 */
export async function spreadFacts(store: Store, rules: SpreadRules): Promise<boolean> {
  const behind = await store.collections.organizations.find({ spreading: true }).toArray();
  const failures: unknown[] = [];
  let more = false;
  for (const organization of behind) {
    const people = [
      ...(await membershipsBehind(store, organization)).map(
        (id) => async () => judgeAgain(store, organization._id, id, rules),
      ),
      ...[
        ...(await strangersBehind(store, organization)),
        ...(await movedIn(store, organization)),
      ].map((id) => async () => settleAgain(store, organization._id, id, rules)),
    ];
    failures.push(...(await inTurns(people, async (judge) => judge())));
    if (people.length > 0) more = true;
    else await finish(store, organization);
  }
  throwAll(failures);
  return more;
}

/** How many people of an organization still wait to be judged by its newest facts; null: none is waited for. */
export async function spreadPending(
  store: Store,
  organization: Pick<OrganizationDocument, '_id' | 'revision' | 'spreading'>,
): Promise<number | null> {
  if (organization.spreading === undefined) return null;
  const { _id, revision } = organization;
  const { memberships, directoryUsers } = store.collections;
  const [members, strangers] = await Promise.all([
    memberships.countDocuments(waiting(_id, revision)),
    directoryUsers.countDocuments(waitingOutside(_id, revision)),
  ]);
  return members + strangers;
}

function waiting(organizationId: string, revision: number): object {
  return {
    organizationId,
    factsRevision: { $lt: revision },
    phase: { $nin: ['anonymizing', 'anonymized'] },
  };
}

function waitingOutside(organizationId: string, revision: number): object {
  return { organizationId, membershipId: null, factsRevision: { $lt: revision } };
}

async function membershipsBehind(
  store: Store,
  { _id, revision }: OrganizationDocument,
): Promise<string[]> {
  const found = await store.collections.memberships
    .find(waiting(_id, revision))
    .limit(batchSize * spread)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  return someOf(found.map((membership) => membership._id));
}

/** A batch in no order: several processes that took the same people would only make each other fail. */
function someOf(ids: string[]): string[] {
  for (let at = ids.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [ids[at], ids[other]] = [ids[other] ?? '', ids[at] ?? ''];
  }
  return ids.slice(0, batchSize);
}

/** Directory users behind whom nobody stands: what changed may let them in. */
async function strangersBehind(
  store: Store,
  { _id, revision }: OrganizationDocument,
): Promise<string[]> {
  const found = await store.collections.directoryUsers
    .find(waitingOutside(_id, revision))
    .limit(batchSize)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  return found.map((mirror) => mirror._id);
}

/** People of a directory that was moved here from another organization: they come here, and leave there. */
async function movedIn(store: Store, { _id }: OrganizationDocument): Promise<string[]> {
  const { directories, directoryUsers } = store.collections;
  const moved = await directories.find({ organizationId: _id, movedFrom: { $ne: null } }).toArray();
  const coming: string[] = [];
  for (const directory of moved) {
    const found = await directoryUsers
      .find({ directoryId: directory._id, organizationId: { $ne: _id } })
      .limit(batchSize)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    coming.push(...found.map((mirror) => mirror._id));
  }
  return coming;
}

/** Judges one person by the newest facts of the organization, if they have not reached them yet. */
export async function judgeAgain(
  store: Store,
  organizationId: string,
  membershipId: string,
  { file }: Pick<SpreadRules, 'file'>,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    const organization = await readOrganization(tx, organizationId);
    if (organization === null || !(await isBehind(tx, organization, membershipId))) return;
    const mirrors = await tx.collections.directoryUsers
      .find({ membershipId }, { session: tx.session, projection: { 'records.id': 1 } })
      .toArray();
    await lockEdges(tx, organization, mirrors);
    await judgeMembership(tx, {
      membershipId,
      organization,
      file,
      receivedAt: organization.revisedAt,
      cause: 'configuration',
    });
  });
}

/** Another process may have judged them since the batch was made. */
async function isBehind(
  tx: Transaction,
  { _id, revision }: OrganizationDocument,
  membershipId: string,
): Promise<boolean> {
  const found = await tx.collections.memberships.findOne(
    { _id: membershipId, ...waiting(_id, revision) },
    { session: tx.session, projection: { _id: 1 } },
  );
  return found !== null;
}

async function settleAgain(
  store: Store,
  organizationId: string,
  mirrorId: string,
  rules: SpreadRules,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    const organization = await readOrganization(tx, organizationId);
    const mirror = await tx.collections.directoryUsers.findOne(
      { _id: mirrorId },
      { session: tx.session },
    );
    if (organization === null || mirror === null) return;
    await lockEdges(tx, organization, [mirror]);
    const receivedAt = organization.revisedAt;
    await settlePerson(tx, {
      mirror,
      firstSeen: false,
      organization,
      ...rules,
      receivedAt,
      cause: 'configuration',
    });
  });
}

/**
 * An edge of a group that no mapping names judges nobody, so it takes no lock of a membership. Arriving while
 * the group is being mapped it would see no mapping, and the judging no edge.
 */
async function lockEdges(
  tx: Transaction,
  { _id, mapped }: OrganizationDocument,
  mirrors: readonly Pick<DirectoryUser, 'records'>[],
): Promise<void> {
  if (!mapped) return;
  const ids = mirrors.flatMap(({ records }) => records.map(({ id }) => id));
  await lockPeople(tx, _id, ids);
}

async function readOrganization(
  tx: Transaction,
  organizationId: string,
): Promise<OrganizationDocument | null> {
  return tx.collections.organizations.findOne({ _id: organizationId }, { session: tx.session });
}

/** Only while nobody changed the facts meanwhile, and once nobody can be late any more. */
async function finish(
  store: Store,
  { _id, revision, revisedAt }: OrganizationDocument,
): Promise<void> {
  if (Date.now() - revisedAt.getTime() < lateCommitMs) return;
  await inTransaction(store, async ({ collections, session }) => {
    const { matchedCount } = await collections.organizations.updateOne(
      { _id, revision },
      { $set: { spreadRevision: revision }, $unset: { spreading: '' } },
      { session },
    );
    // A directory that has just moved here raised the revision: its people are still to follow.
    if (matchedCount === 0) return;
    await collections.directories.updateMany(
      { organizationId: _id, movedFrom: { $ne: null } },
      { $set: { movedFrom: null } },
      { session },
    );
  });
}
