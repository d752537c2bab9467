import type { Store } from './store.ts';

/**
 * Brings documents that an older version wrote to the shape of this one: what they lack gets the value that
 * means "nothing of it happened yet". May be repeated, and stopped in the middle.
 */
export async function upgrade(store: Store): Promise<void> {
  const { memberships, organizations, directories, directoryUsers, linkRequests, holds, gate } =
    store.collections;
  // Version 2: groups, guards, judging by the facts of the organization.
  await memberships.updateMany({ factsRevision: { $exists: false } }, [
    {
      $set: {
        wanted: { roles: [], permissions: [], features: [] },
        suspendedRoles: [],
        narrowings: 0,
        answeredNarrowings: 0,
        readAfresh: { wanted: 0, done: 0 },
        readmitted: 0,
        factsRevision: 0,
        leftFrom: null,
        // Who left before there was a guard was let pass by none: their countdown goes on.
        guard: {
          $cond: [
            { $gt: ['$generation', 0] },
            { generation: '$generation', state: 'passed', id: null },
            null,
          ],
        },
      },
    },
    { $unset: 'guardWaits' },
  ]);
  await organizations.updateMany({ revisedAt: { $exists: false } }, [
    {
      $set: {
        revisedAt: '$createdAt',
        mapped: false,
        guardId: null,
        deletedAt: null,
        switchUntil: null,
        // By what file their people were judged nobody wrote down: they are judged again, under a guard.
        fileRules: null,
      },
    },
    { $unset: 'spreadAfter' },
  ]);
  await directories.updateMany(
    { unlinkedAt: { $exists: false } },
    { $set: { unlinkedAt: null, checkedAt: null, movedFrom: null } },
  );
  // Their groups were never read: no event tells them once more.
  await directories.updateMany(
    { unlinkedAt: null, deletedAt: null, reconcileWantedAt: { $exists: false } },
    { $set: { reconcileWantedAt: new Date() } },
  );
  await linkRequests.updateMany(
    { cause: { $exists: false } },
    { $set: { cause: 'several', userId: null, membershipId: null, reasonId: null } },
  );
  await directoryUsers.updateMany({ factsRevision: { $exists: false } }, [
    {
      $set: {
        factsRevision: 0,
        records: {
          $map: {
            input: '$records',
            in: { $mergeObjects: [{ bornAtMs: null, roles: [], groupsFloor: null }, '$$this'] },
          },
        },
      },
    },
  ]);
  // Who did something is named alike everywhere.
  for (const field of ['createdBy', 'releasedBy']) {
    await holds.updateMany({ [field]: { $type: 'string', $not: /^admin:/ } }, [
      { $set: { [field]: { $concat: ['admin:', `$${field}`] } } },
    ]);
  }
  // Version 3: the gate finds a user by one list of ids.
  await gate.updateMany({ userIds: { $exists: false } }, [
    {
      $set: {
        userIds: {
          $filter: {
            input: ['$userId', { $ifNull: ['$hostUserId', null] }],
            cond: { $ne: ['$$this', null] },
          },
        },
      },
    },
    { $unset: 'hostUserId' },
  ]);
}
