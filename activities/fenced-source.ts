import type { CredentialSource } from '../connectors/credential-source.ts';
import type { Store } from '../platform/mongo/store.ts';

/** Thrown instead of a call that would end what is none of the closing's business any more. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
  readonly code = 'superseded';
}

/**
 * A source that ends nothing any more once its closing counts as revoked. A worker that was frozen, or cut off
 * from Temporal, goes on where it stood, although another one has long been given its work and has done it: from
 * then on the person may be back, and what it found would be the sessions and keys of their return.
 *
 * Access is not opened before the closing counts as revoked, so until then whatever is found may be ended. A
 * call that is under way at that moment cannot be taken back.
 */
export function fencedSource(
  store: Store,
  membershipId: string,
  source: CredentialSource,
): CredentialSource {
  return {
    ...source,
    async revoke(membership, closing, beat) {
      const found = await store.collections.memberships.findOne(
        { _id: membershipId },
        { projection: { revokedClosings: 1 } },
      );
      if (found === null || found.revokedClosings >= closing) {
        throw new Superseded('The closing counts as revoked already.');
      }
      return source.revoke(membership, closing, beat);
    },
  };
}
