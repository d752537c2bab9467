import { groupsGrantAccess } from '../domain/grants.ts';
import type { Policy } from '../domain/policy.ts';
import { takeInGroupsOfUser, versionOfAnswer } from '../intake/take-in-answer.ts';
import type { UserOf } from '../platform/workos/directory-listing.ts';
import { ListingFailed } from '../platform/workos/listing-failed.ts';
import type { ActivityDeps } from './deps.ts';
import { groupsOfUser } from './groups-of-user.ts';

/**
 * Whether the groups of somebody whom WorkOS calls active let them in. Under the policy `accessByGroup` somebody
 * may have left by losing the last group that grants access, while their record stays active for ever. Their
 * groups are read afresh and taken in, since the removal may have been undone without an event.
 *
 * `uncertain`: WorkOS did not answer clearly, or something newer was told meanwhile.
 */
export async function groupsLetIn(
  deps: ActivityDeps,
  policy: Pick<Policy, 'accessByGroup'>,
  of: UserOf & { organizationId: string },
): Promise<'yes' | 'no' | 'uncertain'> {
  if (!policy.accessByGroup) return 'yes';
  const { store, directoryListing: listing } = deps;
  if (listing === null) return 'uncertain';
  const { directoryId, directoryUserId, organizationId } = of;
  try {
    const answer = await groupsOfUser(listing, { directoryId, directoryUserId });
    const version = versionOfAnswer(answer.asOfMs);
    const listed = { ...answer, directoryId, directoryUserId, version };
    const { newer } = await takeInGroupsOfUser(store, listed, deps);
    if (newer.length > 0 || answer.unreadable.length > 0) return 'uncertain';
    const found = await store.collections.roleMappings.findOne({ _id: organizationId });
    const ids = answer.groups.map(({ id }) => id);
    return groupsGrantAccess(ids, found?.mappings ?? []) ? 'yes' : 'no';
  } catch (error) {
    if (error instanceof ListingFailed) return 'uncertain';
    throw error;
  }
}
