import { currentRecord } from '../domain/directory-user.ts';
import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import { ListingFailed } from '../platform/workos/listing-failed.ts';
import { lockPeople } from '../transitions/membership/person-locks.ts';
import type { IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import { applyEdge } from './apply-edge.ts';
import { raiseGroupsFloor } from './take-in-answer.ts';

/**
 * Somebody comes back to a directory that WorkOS cannot tell the groups of (broken credentials, say): what
 * is known of their groups is from before they left, and WorkOS announces nobody's groups a second time. An
 * event lets them in, but no role is given on such old knowledge: groups told before their record was told
 * last do not count until an event or a comparison tells them again.
 *
 * Whoever is in, or never left, keeps their groups: those were announced all along.
 *
 * @throws ListingFailed `unavailable` where only such a group would let them in (`accessByGroup`): that is not
 *   known, so access waits for WorkOS, and nobody leaves by it.
 */
export async function dropOlderGroups(
  store: Store,
  mirrorId: string,
  rules: IntakeRules,
): Promise<void> {
  await inTransaction(store, async (tx) => {
    const { session } = tx;
    const { directoryUsers, directoryEdges, memberships } = tx.collections;
    const mirror = await directoryUsers.findOne({ _id: mirrorId }, { session });
    if (mirror === null || mirror.membershipId === null) return;
    const theirs = { _id: mirror.membershipId };
    const membership = await memberships.findOne(theirs, { session });
    const returns = membership?.backed === true && membership.generation > 0;
    if (!returns || membership.access.state === 'open') return;
    const { id: directoryUserId, state, version } = currentRecord(mirror);
    if (state !== 'active') return;
    const from = { directoryId: mirror.directoryId, workosOrganizationId: null };
    const { organization } = await ensureDirectory(tx, from, rules.file);
    // Before the edges are read: an edge that arrives at once must be seen, or wait.
    await lockPeople(tx, organization._id, [directoryUserId]);
    const held = await directoryEdges
      .find({ directoryUserId, directoryId: mirror.directoryId, present: true }, { session })
      .toArray();
    for (const { groupId } of held) {
      // Newer ones stay: the telling is outdated for them.
      const edge = { ...from, groupId, directoryUserId, present: false, version };
      await applyEdge(tx, edge, rules, tx.at);
    }
    await raiseGroupsFloor(tx, directoryUserId, version);
    const now = await memberships.findOne(theirs, { session });
    if (now?.backed !== true) throw new ListingFailed('unavailable');
  });
}
