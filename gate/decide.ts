import type { Db } from 'mongodb';

import {
  decideAccess,
  observedDecision,
  type AccessDecision,
  type AccessQuestion,
  type GateEntry,
} from '../domain/decide-access.ts';

/** An access check: who asks (`AccessQuestion`, e-mails as link keys), and in which organization. */
export interface GateQuestion extends AccessQuestion {
  organizationId: string;
}

export interface GateOptions {
  /** How long to wait for MongoDB, milliseconds. */
  timeoutMs?: number;
  observe?: boolean;
}

/**
 * May this person act in this organization, now? One indexed read of the view `gate_v1`, on the primary
 * and with majority: what Tenure acknowledged is seen, and what could still be rolled back lets nobody in.
 *
 * @param db Tenure's own database; a role that may only read `gate_v1` is enough
 * @param options `observe`: everybody is allowed, and `observed` says what would have been answered. Give it
 *   where Tenure runs with `TENURE_MODE=observe`; nothing in the view says so
 * @throws what the driver throws when MongoDB does not answer within `timeoutMs` (default 2 s). The caller
 *   decides what that means; to let somebody in because nobody could be asked is never right for writes.
 *   While it observes it never throws: a trial must not take the product down.
 */
export async function checkAccess(
  db: Db,
  question: GateQuestion,
  options: GateOptions = {},
): Promise<AccessDecision> {
  if (options.observe !== true) return ask(db, question, options);
  const asked = await ask(db, question, options).catch(() => null);
  return observedDecision(asked);
}

async function ask(db: Db, question: GateQuestion, options: GateOptions): Promise<AccessDecision> {
  const identities = identityFilters(question);
  if (identities.length === 0) return decideAccess(question, []);
  const entries = await db
    .collection<GateEntry>('gate_v1')
    .find(
      { organizationId: { $eq: question.organizationId }, $or: identities },
      {
        readPreference: 'primary',
        readConcern: { level: 'majority' },
        timeoutMS: options.timeoutMs ?? 2_000,
      },
    )
    .toArray();
  return decideAccess(question, entries);
}

/** `$eq` throughout: a host application in JavaScript might pass on an object that came from outside. */
function identityFilters(question: GateQuestion): object[] {
  const { userId, directoryUserId, emailKey, sso } = question;
  const filters: object[] = [];
  if (userId !== undefined) filters.push({ userId: { $eq: userId } });
  if (directoryUserId !== undefined) filters.push({ directoryUserIds: { $eq: directoryUserId } });
  if (emailKey !== undefined) filters.push({ emails: { $eq: emailKey } });
  if (sso !== undefined) filters.push({ idpIds: { $eq: sso.idpId } });
  return filters;
}
