import type { HostFile } from '../domain/host-file.ts';
import type { RevokeElsewhere } from '../domain/messages.ts';
import { pendingKinds } from '../domain/revocation.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import { hostMembership } from './revoke-sessions.ts';

/**
 * The kinds that activities of the host application still have to end for the last closing, with what the
 * workflow has to call them with. null: none, which is known without a read where the host file names none.
 */
export async function stillElsewhere(
  deps: ActivityDeps,
  membershipId: string,
): Promise<RevokeElsewhere | null> {
  const sources = elsewhereOf(deps.file);
  if (sources.length === 0 || isObserving(deps)) return null;
  const membership = await deps.store.collections.memberships.findOne({ _id: membershipId });
  if (membership === null) return null;
  const { closings: closing, closingReason: reason = 'leaving' } = membership;
  const pending = pendingKinds(membership, deps.file, closing);
  const open = sources.filter(({ kind }) => pending.includes(kind));
  if (open.length === 0) return null;
  const { userId, organizationId, last } = await hostMembership(deps.store, membership);
  return { membershipId, closing, userId, organizationId, last, reason, sources: open };
}

function elsewhereOf({ sessions }: Pick<HostFile, 'sessions'>): RevokeElsewhere['sources'] {
  return sessions.flatMap((source) => {
    if (source.connector !== 'temporal') return [];
    const { kind, taskQueue, activityType } = source;
    return { kind, taskQueue, activityType };
  });
}
