import type { ClientSession } from 'mongodb';

import type { HostFile } from '../domain/host-file.ts';
import type { Membership } from '../domain/membership.ts';
import type { LifecycleFacts } from '../domain/next-step.ts';
import { transferTime, type Policy } from '../domain/policy.ts';
import type { Store } from '../platform/mongo/store.ts';
import { activeHolds, activeResourceHolds } from './holds.ts';
import { policyOf } from './organization.ts';

/** Everything the next step is decided from, read afresh. `session`: inside a transaction. */
export async function lifecycleFacts(
  store: Store,
  file: HostFile,
  membership: Membership,
  session?: ClientSession,
): Promise<LifecycleFacts & { policy: Policy }> {
  const organization = await store.collections.organizations.findOne(
    { _id: membership.organizationId },
    session === undefined ? {} : { session },
  );
  const policy = policyOf(organization, file);
  const holds = await activeHolds(store, membership, session);
  const onResources = await activeResourceHolds(store, session);
  return {
    membership,
    policy,
    holdIds: holds.map(({ _id }) => _id),
    resourceHoldIds: onResources.map(({ _id }) => _id),
    contract: contractOf(policy),
    transferTimes: transferTimesOf(policy, file),
    returnOwnership: policy.ownership.returnOnReactivation,
  };
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
