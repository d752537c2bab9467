import type { CredentialSource } from './credential-source.ts';
import type { HostApplication } from './host-application.ts';

/** Thrown where Tenure only observes and something is to be done that cannot be left undone. */
export class OnlyObserving extends Error {
  override readonly name = 'OnlyObserving';
}

/**
 * The host application as an observing Tenure reaches it (`TENURE_MODE=observe`): everything is read, nothing
 * is written, and each call answers what it would have done. The lifecycles run as they would.
 *
 * Nobody's erasure begins while Tenure observes. One that had begun before waits: `anonymize` throws, and
 * the step is tried again until Tenure is live.
 *
 * @param inner null where the host file names nothing: there is nothing to read either
 */
export function createObservingHost(inner: HostApplication | null): HostApplication {
  return {
    observes: true,
    projectUser: async () => undefined,
    credentialSources: (inner?.credentialSources ?? []).map(observedSource),
    answerRoleLoss: async () => ({ found: {}, revoked: {}, verifiedEmpty: true }),
    resourceKinds: () => inner?.resourceKinds() ?? [],
    ownedResources: async (membership, filter, page) =>
      (await inner?.ownedResources(membership, filter, page)) ?? [],
    changeOwner: async ({ resources }) => resources.length,
    countOwned: async (membership) => (await inner?.countOwned(membership)) ?? 0,
    ownsResource: async (userId, resource) =>
      (await inner?.ownsResource(userId, resource)) ?? false,
    possibleResourceIds: (id) => inner?.possibleResourceIds(id) ?? [id],
    organizationOwner: (organizationId) =>
      inner?.organizationOwner(organizationId) ?? organizationId,
    anonymize: async () => {
      throw new OnlyObserving('Tenure observes: nobody is anonymized until it is live.');
    },
    countPersonalData: async (erasure) => (await inner?.countPersonalData(erasure)) ?? 0,
  };
}

/** What is found would be ended. */
export function observedSource(source: CredentialSource): CredentialSource {
  return {
    ...source,
    async revoke(membership) {
      const found = await source.count(membership);
      return { found, revoked: found };
    },
  };
}
