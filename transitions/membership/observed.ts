import type { Membership, ObservedFact } from '../../domain/membership.ts';

/** What was only observed of a membership so far; from the first time on nobody is anonymized by it. */
export function observedOf(membership: Membership, at: Date): ObservedFact {
  membership.observed ??= {
    since: at,
    revocations: {},
    projections: 0,
    handedOver: 0,
    anonymization: null,
  };
  return membership.observed;
}
