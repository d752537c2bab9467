import { accessQuestion, type AskedPerson } from '../../domain/decide-access.ts';
import type { Login } from '../../transitions/logins/login.ts';

interface Told extends AskedPerson {
  organizationId: string;
  sso?:
    | (NonNullable<AskedPerson['sso']> & {
        firstName?: string | null | undefined;
        lastName?: string | null | undefined;
        name?: string | null | undefined;
      })
    | undefined;
}

/** Who logs in, as the transition takes it. An address beside a profile that has none is the profile's. */
export function loginOf(told: Told): Login {
  const { organizationId, sso } = told;
  const { sso: _known, ...named } = accessQuestion(told);
  const who = { organizationId, ...named };
  if (sso === undefined) return who;
  const { idpId, connectionId, email, firstName, lastName, name } = sso;
  const profile = {
    idpId,
    connectionId: connectionId ?? null,
    email: (email ?? told.email)?.trim() ?? null,
    firstName: firstName ?? null,
    lastName: lastName ?? null,
    name: name ?? null,
  };
  return { ...who, sso: profile };
}
