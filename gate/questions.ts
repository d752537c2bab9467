import {
  accessActions,
  accessQuestion,
  type AccessAction,
  type AskedPerson,
} from '../domain/decide-access.ts';
import type { KeyedQuestion } from './decide.ts';

/** Who wants to do what, and where. At least one identity; all that are given must name the same person. */
export interface GateQuestion extends AskedPerson {
  /** As Tenure knows it: the host application's own id where the host file maps it, else WorkOS's. */
  organizationId: string;
  /** `read` may be answered from the cache, if there is one; `login` and `write` never are. */
  action: AccessAction;
}

/** Somebody whom WorkOS SSO vouches for: `profile` of `sso.getProfileAndToken` has this shape. */
export interface SsoProfile {
  idpId: string;
  email?: string | null | undefined;
  /** WorkOS's id. Absent: the connection belongs to no organization. */
  organizationId?: string | null | undefined;
  connectionId?: string | null | undefined;
}

/** Somebody who logged in by AuthKit: what `userManagement.authenticateWithCode` answers has this shape. */
export interface AuthkitLogin {
  user: {
    email: string;
    emailVerified: boolean;
    /**
     * The `userId` of this gate's answer, where the host application told WorkOS. Without it the address alone
     * says whose account it is, and is `ambiguous` while a leaver of the organization has it too.
     */
    externalId?: string | null | undefined;
  };
  organizationId?: string | null | undefined;
}

export type LoginProfile = SsoProfile | AuthkitLogin;

/**
 * Thrown for a question that asks about nobody, or with something else than texts: a mistake of the caller, or
 * of somebody who sent an object where a text was expected. Names the field, never its value.
 */
export class InvalidQuestion extends TypeError {
  override readonly name = 'InvalidQuestion';
}

const maxLength = 1_024;

/** The question, checked: a host application may be JavaScript, and its values may have come from outside. */
export function readQuestion(asked: GateQuestion): KeyedQuestion & { action: AccessAction } {
  if (!isObject(asked)) throw new InvalidQuestion('The question must be an object.');
  const { organizationId, action, userId, directoryUserId, email, emailOf, sso } = asked;
  requireText('organizationId', organizationId);
  if (!accessActions.includes(action)) {
    throw new InvalidQuestion(`action must be one of ${accessActions.join(', ')}.`);
  }
  const identities = { userId, directoryUserId, email };
  for (const [name, value] of Object.entries(identities)) {
    if (value != null) requireText(name, value);
  }
  if (emailOf != null && emailOf !== 'account') {
    throw new InvalidQuestion('emailOf must be account, or absent.');
  }
  if (sso != null) requireSso(sso);
  if ([userId, directoryUserId, email, sso].every((identity) => identity == null)) {
    throw new InvalidQuestion('userId, directoryUserId, email or sso is needed.');
  }
  return { organizationId, action, ...accessQuestion({ ...identities, emailOf, sso }) };
}

function requireSso(sso: NonNullable<GateQuestion['sso']>): void {
  if (!isObject(sso)) throw new InvalidQuestion('sso must be an object.');
  requireText('sso.idpId', sso.idpId);
  // An identity provider that tells no address tells an empty one.
  if (sso.email != null && sso.email !== '') requireText('sso.email', sso.email);
  if (sso.connectionId != null) requireText('sso.connectionId', sso.connectionId);
}

function requireText(name: string, value: unknown): void {
  const isText =
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= maxLength &&
    value.isWellFormed();
  if (!isText) {
    throw new InvalidQuestion(`${name} must be a text of 1 to ${maxLength} characters.`);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/**
 * Who logs in, and where; null where the login says neither: without an organization, or by AuthKit with
 * an address that nobody has verified, under which anybody could have signed up.
 */
export function questionOfLogin(
  login: LoginProfile,
  organizationOf: (workosOrganizationId: string) => string,
): GateQuestion | null {
  if (!isObject(login)) throw new InvalidQuestion('The profile must be an object.');
  if (login.organizationId == null) return null;
  requireText('organizationId', login.organizationId);
  const where = { organizationId: organizationOf(login.organizationId), action: 'login' } as const;
  if (!('user' in login)) {
    const { idpId, email, connectionId } = login;
    return { ...where, sso: { idpId, email, connectionId } };
  }
  const { user } = login;
  if (!isObject(user)) throw new InvalidQuestion('user must be an object.');
  // The id alone: an AuthKit user keeps the first address, the directory's changes with the person.
  if (user.externalId != null) return { ...where, userId: user.externalId };
  const isVerified: unknown = user.emailVerified;
  // An address alone: a leaver's account is still there, with its password, when somebody else has the address.
  return isVerified === true ? { ...where, email: user.email, emailOf: 'account' } : null;
}
