import { linkKey } from './link-keys.ts';

/**
 * Who somebody is by one SSO profile. The id counts; where nobody has it yet, the address of the same profile
 * says who it is, if exactly one current person has that address and never came under another id.
 */
export interface SsoIdentity {
  idpId: string;
  emailKey?: string;
  /** The connection of the identity provider whose id it is. */
  connectionId?: string;
}

/** Who asks: at least one of these, and all of them must name the same person. */
export interface AccessQuestion {
  userId?: string;
  directoryUserId?: string;
  emailKey?: string;
  /**
   * `account`: the address is what an account says of itself, and nothing else says whose account it is. Such an
   * account outlives its owner's leaving, so the address is ambiguous while somebody who is gone has it as well.
   * Absent: the person who is asked about has the address now.
   */
  emailOf?: 'account';
  sso?: SsoIdentity;
}

/** Who asks, as people write addresses. Absent, null and undefined mean the same. */
export interface AskedPerson {
  userId?: string | null | undefined;
  directoryUserId?: string | null | undefined;
  email?: string | null | undefined;
  /** `account`: nothing but the address says whose account somebody used (`AccessQuestion`). */
  emailOf?: 'account' | null | undefined;
  sso?:
    | {
        idpId: string;
        email?: string | null | undefined;
        connectionId?: string | null | undefined;
      }
    | null
    | undefined;
}

/** The question with its addresses as link keys, and without what is absent. */
export function accessQuestion({
  userId,
  directoryUserId,
  email,
  emailOf,
  sso,
}: AskedPerson): AccessQuestion {
  const emailKey = linkKey(email);
  return {
    ...(userId == null ? {} : { userId }),
    ...(directoryUserId == null ? {} : { directoryUserId }),
    ...(emailKey === null ? {} : { emailKey }),
    ...(emailKey === null || emailOf == null ? {} : { emailOf }),
    ...(sso == null ? {} : { sso: ssoIdentity(sso) }),
  };
}

function ssoIdentity({ idpId, email, connectionId }: NonNullable<AskedPerson['sso']>): SsoIdentity {
  const emailKey = linkKey(email);
  return {
    idpId,
    ...(emailKey === null ? {} : { emailKey }),
    ...(connectionId == null ? {} : { connectionId }),
  };
}
