import type { ClientSession } from 'mongodb';

import type { HostFile } from '../../domain/host-file.ts';
import type { Policy } from '../../domain/policy.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { policyOf } from './organization.ts';

/**
 * The policy in force for an organization, read afresh; the defaults where nobody has set one.
 * `session`: as that transaction sees it.
 */
export async function policyInForce(
  store: Store,
  file: Pick<HostFile, 'defaults'>,
  organizationId: string,
  session?: ClientSession,
): Promise<Policy> {
  const organization = await store.collections.organizations.findOne(
    { _id: organizationId },
    { projection: { policy: 1, fileRules: 1 }, ...(session === undefined ? {} : { session }) },
  );
  return policyOf(organization, file);
}
