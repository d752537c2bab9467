import { heartbeat } from '@temporalio/activity';

import { mongodbSessions } from '../domain/host-file.ts';
import type { Membership } from '../domain/membership.ts';
import {
  recordRoleLossAnswered,
  type RoleLossAnswered,
} from '../transitions/lifecycle/record-role-loss-answered.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';
import { hostMembership, NotVerifiedEmpty } from './revoke-sessions.ts';

/**
 * Answers the loss of a role of somebody who stays in: the sessions that carry roles of their own are revoked
 * or marked, as the host file says for their kind, and only then it is written down. Idempotent: a repetition
 * finds revoked what was revoked, and marks once more.
 */
export function createAnswerRoleLoss(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<void> => {
    const { memberships } = deps.store.collections;
    const membership = await memberships.findOne({ _id: input.membershipId });
    if (membership === null) return;
    const { narrowings, answeredNarrowings } = membership;
    if (answeredNarrowings >= narrowings) return;
    // Losses from here on are answered by the next step: what is done now may have come before them.
    const counts = await answer(deps, membership);
    await recordRoleLossAnswered(deps.store, membership._id, {
      narrowings,
      observed: isObserving(deps),
      ...counts,
    });
  };
}

async function answer(
  deps: ActivityDeps,
  membership: Membership,
): Promise<Pick<RoleLossAnswered, 'revoked' | 'refreshed'>> {
  const counts = { revoked: 0, refreshed: 0 };
  if (deps.host === null) return counts;
  const report = await deps.host.answerRoleLoss(
    await hostMembership(deps.store, membership),
    deps.revocation,
    (progress) => heartbeat(progress),
  );
  if (!report.verifiedEmpty)
    throw new NotVerifiedEmpty('Sessions were still as before at the end.');
  for (const { kind, onRoleLoss } of mongodbSessions(deps.file)) {
    counts[onRoleLoss === 'revoke' ? 'revoked' : 'refreshed'] += report.revoked[kind] ?? 0;
  }
  return counts;
}
