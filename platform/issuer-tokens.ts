import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify } from 'jose';

import type { RevocationIssuer } from '../domain/host-file.ts';
import { exchange, jsonOf } from './outgoing/exchange.ts';
import { OutgoingFailed } from './outgoing/outgoing-failed.ts';

/** What a token turned out to be. Codes are words of Tenure or of the library, and nothing of the token. */
export type TokenVerdict =
  | { is: 'good'; issuer: RevocationIssuer }
  /** `issuer`: whose it claims to be; null: nobody's that is known, or no token at all. */
  | { is: 'refused'; issuer: string | null; code: string }
  /** The issuer's keys cannot be had, so it is not known: the same token may be good in a minute. */
  | { is: 'undecided'; issuer: string; code: string };

/** Judges the signed tokens of the identity providers that the host file names. */
export interface IssuerTokens {
  verify(token: string): Promise<TokenVerdict>;
}

/** Milliseconds. */
export interface KeyTiming {
  /** For one fetch of keys. */
  timeoutMs: number;
  /** Keys that were fetched are believed for so long: one that the issuer withdraws is then gone here too. */
  maxAgeMs: number;
  /** A token with a key that is not known has the keys fetched anew, but not more often than this. */
  unknownKeyPauseMs: number;
  /** After a fetch in vain: anybody can send tokens that name an issuer, and each would ask it again. */
  failurePauseMs: number;
}

const defaultTiming: KeyTiming = {
  timeoutMs: 5_000,
  maxAgeMs: 600_000,
  unknownKeyPauseMs: 30_000,
  failurePauseMs: 5_000,
};

/** A set of keys is some kilobytes. */
const maxBytes = 256 * 1024;

/**
 * Signatures by a private key only. With HS256 whoever knows the public key could sign, and `none` signs nothing.
 */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/**
 * The type that Okta's Universal Logout writes into the header. It is demanded: an identity provider signs logins of
 * everybody with the same key, and what was made for something else must not pass for this.
 */
const tokenType = 'global-token-revocation+jwt';

/** Clocks of two companies differ; Okta's tokens live for five minutes. */
const clockToleranceSeconds = 60;
/** However late it says that it expires: a token that lies around somewhere must be worth nothing soon. */
const longestLifeSeconds = 600;

/** @param issuers `tokenRevocation.issuers` of the host file */
export function createIssuerTokens(
  issuers: readonly RevocationIssuer[],
  timing: Partial<KeyTiming> = {},
): IssuerTokens {
  const known = new Map(
    issuers.map((issuer) => [
      issuer.issuer,
      { issuer, keyOf: keysOf(issuer, { ...defaultTiming, ...timing }) },
    ]),
  );
  return {
    async verify(token) {
      const claimed = claimedIssuer(token);
      const found = claimed === null ? undefined : known.get(claimed);
      if (found === undefined) return { is: 'refused', issuer: null, code: 'unknownIssuer' };
      return judge(token, found.issuer, found.keyOf);
    },
  };
}

/** Not verified yet: it only says whose keys to ask. */
function claimedIssuer(token: string): string | null {
  try {
    return decodeJwt(token).iss ?? null;
  } catch {
    return null;
  }
}

/** Thrown where the keys of an issuer cannot be had; anything else that is thrown is about the token. */
class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
  readonly code: string;

  constructor(code: string) {
    super(`The keys of an issuer cannot be fetched: ${code}`);
    this.code = code;
  }
}

type Keys = ReturnType<typeof createRemoteJWKSet>;
type KeyOf = (...asked: Parameters<Keys>) => ReturnType<Keys>;

async function judge(token: string, issuer: RevocationIssuer, keyOf: KeyOf): Promise<TokenVerdict> {
  const name = issuer.issuer;
  try {
    await jwtVerify(token, keyOf, {
      algorithms,
      typ: tokenType,
      issuer: name,
      audience: issuer.audience,
      ...(issuer.subject === null ? {} : { subject: issuer.subject }),
      requiredClaims: ['exp', 'iat'],
      maxTokenAge: longestLifeSeconds,
      clockTolerance: clockToleranceSeconds,
    });
    return { is: 'good', issuer };
  } catch (error) {
    if (error instanceof KeysUnavailable) {
      return { is: 'undecided', issuer: name, code: error.code };
    }
    return { is: 'refused', issuer: name, code: codeOf(error) };
  }
}

/** The keys are there, and none of them is the one that the token names, or several could be. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

/** Which claim it was helps whoever sets this up; its value is nobody's business. */
function codeOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `claim.${error.claim}`;
  return error instanceof errors.JOSEError ? error.code : 'malformed';
}

/** The issuer's keys: fetched when they are needed, kept for a while, and not asked for again and again in vain. */
function keysOf({ jwksUrl, allowPrivate }: RevocationIssuer, timing: KeyTiming): KeyOf {
  const { timeoutMs, failurePauseMs } = timing;
  let failedAt = Number.NEGATIVE_INFINITY;
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    // The request ends by itself; this is only so that the library does not give up before it.
    timeoutDuration: timeoutMs + 1_000,
    cooldownDuration: timing.unknownKeyPauseMs,
    cacheMaxAge: timing.maxAgeMs,
    [customFetch]: async (url) => {
      if (performance.now() - failedAt < failurePauseMs) throw new KeysUnavailable('failedBefore');
      const message = { headers: () => ({}), payload: null };
      const answer = await exchange(url, message, { timeoutMs, maxBytes, allowPrivate });
      return Response.json(jsonOf(answer));
    },
  });
  return async (...asked) => {
    try {
      return await keys(...asked);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      if (error instanceof KeysUnavailable) throw error;
      failedAt = performance.now();
      throw new KeysUnavailable(error instanceof OutgoingFailed ? error.code : 'notKeys');
    }
  };
}
