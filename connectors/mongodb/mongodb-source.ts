import type { MongodbSessions } from '../../domain/host-file.ts';
import type { CredentialSource } from '../credential-source.ts';
import { countOpen, endBatch, revocation } from './credentials.ts';
import type { MongoHost } from './host-collections.ts';

/**
 * Credentials in a collection of the host application, deleted or marked. One call ends one batch, so that
 * nobody with very many of them makes a call that never ends.
 */
export function createMongodbSource(host: MongoHost, source: MongodbSessions): CredentialSource {
  return {
    kind: source.kind,
    async revoke(membership) {
      const task = revocation(host, source, membership);
      if (task === null) return { found: 0, revoked: 0 };
      const { found, ended } = await endBatch(host, task);
      return { found, revoked: ended };
    },
    async count(membership) {
      const task = revocation(host, source, membership);
      return task === null ? 0 : countOpen(host, task);
    },
  };
}
