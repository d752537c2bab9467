import { createHash, timingSafeEqual } from 'node:crypto';

import type { Logger } from 'pino';

import type { IssuerTokens } from '../platform/issuer-tokens.ts';
import type { ApiSettings } from './deps.ts';
import { ApiProblem } from './problem.ts';

/** Who may call a route. `gate` and `revocation` also let admin keys in, `none` everybody. */
export type Auth = 'admin' | 'gate' | 'revocation' | 'none';

/** Who calls. */
export interface Caller {
  kind: 'admin' | 'gate' | 'revocation' | 'anonymous';
  /** How everything that is written down names them: `admin:<key name>`, `issuer:<issuer>` for a signed token. */
  actor: string;
  /** The only organization that they may do anything about; null: every one. */
  organizationId: string | null;
}

const anonymous: Caller = { kind: 'anonymous', actor: '', organizationId: null };

/** Finds out who calls from the `Authorization` header. */
export type Authenticate = (header: string | undefined, auth: Auth) => Promise<Caller>;

/** A signed token is about 1,000 characters long; the header of a request has 16 KiB at most. */
const bearer = /^Bearer ([\x21-\x7e]{1,8192})$/i;

/** What knows callers besides their keys: the tokens of issuers, and the log for whoever sets them up. */
export interface CallerSources {
  issuerTokens: IssuerTokens;
  logger: Logger;
}

/**
 * Makes the check of bearer keys, and of the signed tokens that stand in for the revocation key. Keys are compared
 * as digests, each with every known one and without an early end, so that the time taken tells nothing of a key or
 * its length.
 */
export function createAuthenticator(
  keys: ApiSettings['keys'],
  sources: CallerSources,
): Authenticate {
  const known = callersOf(keys);
  return async (header, auth) => {
    if (auth === 'none') return anonymous;
    const given = bearer.exec(header ?? '')?.[1] ?? '';
    const digest = digestOf(given);
    const matching = known.filter((entry) => timingSafeEqual(entry.digest, digest));
    const byKey = matching[0]?.caller;
    // Only where a token is good for anything, so that nobody has keys fetched by calling something else.
    const isToken = byKey === undefined && auth === 'revocation' && given !== '';
    const caller = isToken ? await callerOfToken(given, sources) : byKey;
    if (caller === undefined) throw unauthenticated();
    if (caller.kind !== 'admin' && caller.kind !== auth) {
      throw new ApiProblem(403, 'forbidden', 'This key serves other calls only.');
    }
    return caller;
  };
}

function callersOf({
  admin,
  gate,
  revocation,
}: ApiSettings['keys']): { caller: Caller; digest: Buffer }[] {
  const named = admin.map(
    ({ name, key }) => ({ kind: 'admin', actor: `admin:${name}`, key }) as const,
  );
  const single = ([kind, key]: readonly ['gate' | 'revocation', string | null]) =>
    key === null ? [] : [{ kind, actor: kind, key }];
  return [...named, ...single(['gate', gate]), ...single(['revocation', revocation])].map(
    ({ kind, actor, key }) => ({
      caller: { kind, actor, organizationId: null },
      digest: digestOf(key),
    }),
  );
}

/** @throws ApiProblem 503 where the issuer's keys cannot be fetched: it may be good, so it is not called wrong. */
async function callerOfToken(
  token: string,
  { issuerTokens, logger }: CallerSources,
): Promise<Caller | undefined> {
  const verdict = await issuerTokens.verify(token);
  if (verdict.is === 'good') {
    const { issuer, organizationId } = verdict.issuer;
    return { kind: 'revocation', actor: `issuer:${issuer}`, organizationId };
  }
  const { is, issuer, code } = verdict;
  // The caller is told none of this: it would help whoever forges one.
  if (issuer !== null) logger.warn({ issuer, code }, `a token of an issuer is ${is}`);
  if (is === 'refused') return undefined;
  throw new ApiProblem(503, 'issuerUnavailable', 'The keys of the issuer do not come. Try again.', {
    headers: { 'retry-after': '5' },
  });
}

function unauthenticated(): ApiProblem {
  return new ApiProblem(401, 'unauthenticated', 'A valid key is needed: Authorization: Bearer.', {
    headers: { 'www-authenticate': 'Bearer realm="tenure"' },
  });
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
