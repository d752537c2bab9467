import type { AccessDecision } from '../../domain/decide-access.ts';
import type { HostFile } from '../../domain/host-file.ts';

/** What the identity provider says of the person, as the host application got it from the SSO profile. */
export interface SsoProfile {
  /** The identity provider's own id of the person: never changes, unlike the address. */
  idpId: string;
  /** Whose id that is: the connection of the identity provider. null: the host application did not tell. */
  connectionId: string | null;
  email: string | null;
  firstName: string | null;
  lastName: string | null;
  name: string | null;
}

/** Who logs in, and where. */
export interface Login {
  organizationId: string;
  userId?: string;
  directoryUserId?: string;
  emailKey?: string;
  sso?: SsoProfile;
}

export interface LoginRules {
  file: Pick<HostFile, 'defaults' | 'users'>;
  newUserId: () => string;
  /** false: nobody is created, and the answer is what it would have been (`TENURE_MODE=observe`). */
  mayCreate: boolean;
}

/** The answer, and the membership that was changed or made by the login, if one was. */
export interface LoggedIn {
  decision: AccessDecision;
  changed: { membershipId: string; organizationId: string } | null;
}
