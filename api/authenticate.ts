import { createHash, timingSafeEqual } from 'node:crypto';

import type { ApiSettings } from './deps.ts';
import { ApiProblem } from './problem.ts';

/** Who may call a route. `gate` and `revocation` also let admin keys in, `none` everybody. */
export type Auth = 'admin' | 'gate' | 'revocation' | 'none';

/** Who calls. */
export interface Caller {
  kind: 'admin' | 'gate' | 'revocation' | 'anonymous';
  /** How everything that is written down names them: `admin:<key name>` for an admin key. */
  actor: string;
}

const anonymous: Caller = { kind: 'anonymous', actor: '' };

/** Finds out who calls from the `Authorization` header. */
export type Authenticate = (header: string | undefined, auth: Auth) => Caller;

/**
 * Makes the check of bearer keys. Keys are compared as digests, each with every known one and without an
 * early end, so that the time taken tells nothing of a key or its length.
 */
export function createAuthenticator(keys: ApiSettings['keys']): Authenticate {
  const known: { caller: Caller; digest: Buffer }[] = keys.admin.map(({ name, key }) => ({
    caller: { kind: 'admin', actor: `admin:${name}` },
    digest: digestOf(key),
  }));
  if (keys.gate !== null) {
    known.push({ caller: { kind: 'gate', actor: 'gate' }, digest: digestOf(keys.gate) });
  }
  if (keys.revocation !== null) {
    const caller: Caller = { kind: 'revocation', actor: 'revocation' };
    known.push({ caller, digest: digestOf(keys.revocation) });
  }
  return (header, auth) => {
    if (auth === 'none') return anonymous;
    const digest = digestOf(/^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1] ?? '');
    const matching = known.filter((entry) => timingSafeEqual(entry.digest, digest));
    const caller = matching[0]?.caller;
    if (caller === undefined) {
      throw new ApiProblem(
        401,
        'unauthenticated',
        'A valid key is needed: Authorization: Bearer.',
        {
          headers: { 'www-authenticate': 'Bearer realm="tenure"' },
        },
      );
    }
    if (caller.kind !== 'admin' && caller.kind !== auth) {
      throw new ApiProblem(403, 'forbidden', 'This key serves other calls only.');
    }
    return caller;
  };
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
