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
  /** As in `AccessQuestion`. */
  emailOf?: 'account';
  sso?: SsoProfile;
}

/**
 * - `login`: somebody is coming in. Everything that a login tells is written down.
 * - `observing`: the same, but nobody is created; the answer is what it would have been (`TENURE_MODE=observe`).
 * - `check`: somebody asks whether they may come in. Learns the id of an SSO profile, and nothing else.
 */
export type LoginMode = 'login' | 'observing' | 'check';

export interface LoginRules {
  file: Pick<HostFile, 'defaults' | 'users'>;
  newUserId: () => string;
  mode: LoginMode;
}

/** The answer, and the membership that was changed or made by the login, if one was. */
export interface LoggedIn {
  decision: AccessDecision;
  changed: { membershipId: string; organizationId: string } | null;
}
