import type { ClientSession } from 'mongodb';

import { mongodbSessions, type HostFile } from '../../domain/host-file.ts';
import { hasLeft, isCommitted, type Membership } from '../../domain/membership.ts';
import type { LifecycleFacts } from '../../domain/next-step.ts';
import { transferTime, type Policy } from '../../domain/policy.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { activeHolds, activeResourceHolds } from '../holds/active-holds.ts';
import { isCancelled } from '../organization/cancel-deletions.ts';
import { policyOf } from '../organization/organization.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** Everything the next step is decided from, read afresh. `session`: inside a transaction. */
export async function lifecycleFacts(
  store: Store,
  file: HostFile,
  membership: Membership,
  session?: ClientSession,
): Promise<LifecycleFacts> {
  if (!dependsOnSurroundings(membership)) return alone(membership, file);
  const organization = await store.collections.organizations.findOne(
    { _id: membership.organizationId },
    session === undefined ? {} : { session },
  );
  const policy = policyOf(organization, file);
  const holds = await activeHolds(store, membership, session);
  const onResources = await activeResourceHolds(store, session);
  return {
    membership,
    holdIds: holds.map(({ _id }) => _id),
    resourceHoldIds: onResources.map(({ _id }) => _id),
    contract: isCancelled(membership, organization) ? 'refused' : contractOf(policy),
    transferTimes: transferTimesOf(policy, file),
    returnOwnership: policy.ownership.returnOnReactivation,
    answersRoleLoss: answersRoleLoss(file),
    remindMs: reminds(store) ? policy.remindDays * dayMs : 0,
  };
}

/**
 * Whether anything but the membership itself decides its next step: only for somebody who left and is not
 * past the commit point, or who comes back to what was transferred. Joins and updates, which are nearly
 * all looks, save three reads each.
 */
export function dependsOnSurroundings(membership: Membership): boolean {
  if (isCommitted(membership)) return false;
  return hasLeft(membership) || membership.giveBack;
}

/** What is not asked is answered so that it could never allow an erasure. */
function alone(membership: Membership, file: HostFile): LifecycleFacts {
  return {
    membership,
    holdIds: [],
    resourceHoldIds: [],
    contract: 'unknown',
    transferTimes: [],
    returnOwnership: false,
    answersRoleLoss: answersRoleLoss(file),
    remindMs: 0,
  };
}

/** Nobody is reminded who did not ask for it. */
function reminds({ telling }: Store): boolean {
  return telling.endpointsFor('deletion.due_soon').length > 0;
}

/** Where no kind of session asks for anything when a role is lost, nobody has to be called for it. */
function answersRoleLoss(file: HostFile): boolean {
  return mongodbSessions(file).some(({ onRoleLoss }) => onRoleLoss !== 'none');
}

/** Nobody said whether the contract allows deletion: that is not a yes. */
function contractOf(policy: Policy): LifecycleFacts['contract'] {
  if (policy.deletionAllowed === null) return 'unknown';
  return policy.deletionAllowed ? 'allowed' : 'refused';
}

function transferTimesOf(policy: Policy, file: HostFile): LifecycleFacts['transferTimes'] {
  const times = file.resources.map(({ critical }) => transferTime(policy.ownership, critical));
  return (['onDeprovision', 'beforeAnonymization'] as const).filter((time) => times.includes(time));
}
