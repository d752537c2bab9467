import { heartbeat } from '@temporalio/activity';

import type { HostErasure } from '../connectors/host-application.ts';
import type { ErasureFact, Membership } from '../domain/membership.ts';
import { completeErasure } from '../transitions/erasure/complete-erasure.ts';
import { forgetPerson } from '../transitions/erasure/forget-person.ts';
import { policyInForce } from '../transitions/organization/policy-in-force.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/** Thrown when personal data was still found after the erasure: the next try erases it too. */
export class NotForgotten extends Error {
  override readonly name = 'NotForgotten';
}

/**
 * Anonymizes a person past the commit point: the host application by its data map, then Tenure's own
 * mirror, inbox, history and keys; then counts what is left in the host application, and only at zero
 * writes down that it is done (GDPR Article 17 and 5(1)(e); the pseudonym is random, so nothing leads back).
 * Idempotent: what is erased already is found erased.
 */
export function createErasePerson(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<void> => {
    const { store } = deps;
    const membership = await store.collections.memberships.findOne({ _id: input.membershipId });
    if (membership?.erasure == null || membership.erasure.completedAt !== null) return;
    const { erasure: mode } = await policyInForce(store, deps.file, membership.organizationId);
    const hostCounts = await eraseInHost(deps, membership, membership.erasure, mode);
    const ownCounts = await forgetPerson(store, membership, membership.erasure);
    await completeErasure(store, membership._id, {
      counts: { ...prefixed('host', hostCounts), ...prefixed('tenure', ownCounts) },
      outcome: mode === 'delete' ? 'deleted' : 'anonymized',
    });
  };
}

async function eraseInHost(
  deps: ActivityDeps,
  membership: Membership,
  erasure: ErasureFact,
  mode: HostErasure['mode'],
): Promise<Record<string, number>> {
  const { host } = deps;
  if (host === null) return {};
  const task: HostErasure = {
    userId: membership.userId,
    organizationId: membership.organizationId,
    pseudonym: erasure.pseudonym,
    // `.invalid` is reserved (RFC 2606): no mail to a former user ever reaches anybody.
    pseudonymEmail: `${erasure.pseudonym}@anonymized.invalid`,
    wholeUser: erasure.wholeUser,
    mode,
  };
  const counts = await host.anonymize(task, (progress) => heartbeat(progress));
  const left = await host.countPersonalData(task);
  if (left > 0) throw new NotForgotten(`${left} documents still hold personal data.`);
  return counts;
}

function prefixed(prefix: string, counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [`${prefix}.${name}`, count]),
  );
}
