import {
  accessQuestion,
  denied,
  type AccessDecision,
  type AccessQuestion,
} from '../../domain/decide-access.ts';
import { findLogin } from '../../domain/decide-login.ts';
import { keyLock } from '../../platform/ids.ts';
import { repeatOnDuplicateKey } from '../../platform/mongo/duplicate-key.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { changeMembership } from '../membership/change-membership.ts';
import { entriesAtGate } from './entries-at-gate.ts';
import { joinByLogin } from './join-by-login.ts';
import { learnIdentity } from './learn-identity.ts';
import type { LoggedIn, Login, LoginRules, SsoProfile } from './login.ts';
import { noticeOnce } from '../notice.ts';

/** Somebody waits in front of a login page. */
const timeoutMs = 5_000;

/**
 * Somebody logs in: an access check that also writes down what only a login tells. The first one makes
 * `invited` to `active`, teaches the gate the identity provider's id of somebody known by address, and, in an
 * organization without Directory Sync whose policy says `jit`, makes a user of somebody unknown.
 *
 * The locks of the ids and addresses come first, so that of two first logins at once one waits for the other
 * and finds who it made.
 *
 * @throws StoreUnavailable where MongoDB does not answer in time: nobody is let in by that.
 */
export async function logIn(store: Store, login: Login, rules: LoginRules): Promise<LoggedIn> {
  return repeatOnDuplicateKey(async () =>
    inTransaction(store, async (tx) => logInOnce(tx, login, rules), { timeoutMs }),
  );
}

async function logInOnce(tx: Transaction, login: Login, rules: LoginRules): Promise<LoggedIn> {
  const question = questionOf(login);
  await lockIdentities(tx, login.organizationId, question);
  const entries = await entriesAtGate(tx, login.organizationId, question);
  const finding = findLogin(question, entries);
  if (finding.found === 'nobody') {
    return joinByLogin(tx, { ...login, entries, refusal: finding.decision }, rules);
  }
  const { decision, learns, differsFrom } = finding;
  if (differsFrom !== null) {
    const { organizationId } = login;
    await noticeOnce(tx, 'ssoIdentityDiffers', { organizationId, subjectId: differsFrom });
  }
  if (!decision.allowed || decision.membershipId === null) return { decision, changed: null };
  const learned = learns && login.sso !== undefined ? login.sso : null;
  const { membershipId } = decision;
  return welcome(tx, { decision, membershipId, learned, isLogin: rules.mode !== 'check' });
}

function questionOf({ emailKey, emailOf, ...login }: Login): AccessQuestion {
  return {
    ...accessQuestion(login),
    ...(emailKey === undefined ? {} : { emailKey }),
    ...(emailOf === undefined ? {} : { emailOf }),
  };
}

/** The locks that a directory user who arrives takes too: whoever looks for an address waits for the other. */
async function lockIdentities(
  tx: Transaction,
  organizationId: string,
  { emailKey, sso }: AccessQuestion,
): Promise<void> {
  const keys = [emailKey, sso?.emailKey, sso === undefined ? undefined : `sso\n${sso.idpId}`];
  await tx.store.fences.keys(
    tx,
    keys.filter((key) => key !== undefined).map((key) => keyLock(organizationId, key)),
  );
}

interface Guest {
  decision: AccessDecision;
  membershipId: string;
  learned: SsoProfile | null;
  /** false: somebody only asks whether they may, which is no first login. */
  isLogin: boolean;
}

/** Somebody who may come in, has: what a first login tells is written down. */
async function welcome(
  tx: Transaction,
  { decision, membershipId, learned, isLogin }: Guest,
): Promise<LoggedIn> {
  const found = await tx.collections.memberships.findOne(
    { _id: membershipId },
    { session: tx.session, projection: { invited: 1 } },
  );
  const isFirst = isLogin && found?.invited === true;
  if (!isFirst && learned === null) return { decision, changed: null };
  // What was learned concerns the gate only; that somebody is no longer invited the host must be told.
  const by = { actor: 'login', own: !isFirst };
  const membership = await changeMembership(tx, membershipId, by, (draft, note) => {
    if (learned !== null) note('ssoIdentityLearned');
    if (!isLogin) return;
    if (draft.invited) note('firstLogin');
    draft.invited = false;
  });
  if (membership === null) return { decision: denied('unknown'), changed: null };
  if (learned !== null) await learnIdentity(tx, membership, learned);
  const { organizationId } = membership;
  return { decision, changed: isFirst ? { membershipId, organizationId } : null };
}
