import type { Db } from 'mongodb';

import {
  findPerson,
  observedDecision,
  type AccessDecision,
  type AccessQuestion,
  type Finding,
  type GateEntry,
} from '../domain/decide-access.ts';
import { within } from './deadline.ts';
import { requirePrimary } from './primary.ts';

/** An access check: who asks (`AccessQuestion`, e-mails as link keys), and in which organization. */
export interface KeyedQuestion extends AccessQuestion {
  organizationId: string;
}

export interface CheckOptions {
  /** How long to wait for MongoDB, milliseconds. */
  timeoutMs?: number;
  observe?: boolean;
}

/**
 * May this person act in this organization, now? One indexed read of `gate_v1`, on the primary
 * and with majority: what Tenure acknowledged is seen, and what could still be rolled back lets nobody in.
 * With `directConnection=true` the server is asked first whether it is the primary.
 *
 * @param db Tenure's own database; a role that may only read `gate_v1` is enough
 * @param options `observe`: everybody is allowed, and `observed` says what would have been answered. Give it
 *   where Tenure runs with `TENURE_MODE=observe`; nothing in `gate_v1` says so
 * @throws GateTimeout, GateNotPrimary, or what the driver throws, where MongoDB does not answer within `timeoutMs` (default 2 s). The caller
 *   decides what that means; to let somebody in because nobody could be asked is never right for writes.
 *   While it observes it never throws: a trial must not take the product down.
 */
export async function checkAccess(
  db: Db,
  question: KeyedQuestion,
  options: CheckOptions = {},
): Promise<AccessDecision> {
  const asked = findAtGate(db, question, options).then(({ decision }) => decision);
  if (options.observe !== true) return asked;
  return observedDecision(await asked.catch(() => null));
}

/** `checkAccess`, and what a login has to know besides. Observes nothing. */
export async function findAtGate(
  db: Db,
  question: KeyedQuestion,
  { timeoutMs = 2_000 }: CheckOptions = {},
): Promise<Finding> {
  const identities = identityFilters(question);
  if (identities.length === 0) return findPerson(question, []);
  const filter = { organizationId: { $eq: question.organizationId }, $or: identities };
  const entries = await within(timeoutMs, async (signal) => {
    await requirePrimary(db, signal);
    return db
      .collection<GateEntry>('gate_v1')
      .find(filter, { readPreference: 'primary', readConcern: { level: 'majority' }, signal })
      .toArray();
  });
  return findPerson(question, entries);
}

/** `$eq` throughout: a host application in JavaScript might pass on an object that came from outside. */
function identityFilters(question: KeyedQuestion): object[] {
  const { userId, directoryUserId, emailKey, sso } = question;
  const filters: object[] = [];
  if (userId !== undefined) filters.push({ userIds: { $eq: userId } });
  if (directoryUserId !== undefined) filters.push({ directoryUserIds: { $eq: directoryUserId } });
  if (emailKey !== undefined) filters.push({ emails: { $eq: emailKey } });
  if (sso !== undefined) filters.push({ idpIds: { $eq: sso.idpId } });
  if (sso?.emailKey !== undefined) filters.push({ emails: { $eq: sso.emailKey } });
  return filters;
}
