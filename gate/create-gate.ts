import type { Db } from 'mongodb';

import { denied, observedDecision, type AccessDecision } from '../domain/decide-access.ts';
import { unavailable, type GateAnswer } from './answer.ts';
import { findAtGate } from './decide.ts';
import { saysOutage } from './outage.ts';
import {
  questionOfLogin,
  readQuestion,
  type GateQuestion,
  type LoginProfile,
} from './questions.ts';
import { createReadCache, type ReadCache } from './read-cache.ts';

export type { GateAnswer, GateReason } from './answer.ts';
export {
  InvalidQuestion,
  type AuthkitLogin,
  type GateQuestion,
  type LoginProfile,
  type SsoProfile,
} from './questions.ts';

/** What a gate is made of. Everything but `db` may be left out. */
export interface GateOptions {
  /** Tenure's own database (`tenure`), opened with the host application's driver and a role that reads `gate_v1`. */
  db: Db;
  /** From WorkOS's organization id to Tenure's, where the host file maps them. Default: they are the same. */
  organizationOf?: (workosOrganizationId: string) => string;
  /** true where Tenure runs with `TENURE_MODE=observe`: everybody is allowed, `observed` says what it would be. */
  observe?: boolean;
  /** For how long a `read` may be answered from memory: 0 (the default, never) to 1000 milliseconds. */
  readCacheMs?: number;
  /** How many answers are kept at most. Default 10,000. */
  readCacheSize?: number;
  /**
   * What becomes of reads while the store does not answer: `deny` (the default) or `allowReads`, with the reason
   * `unavailable` and no roles. Logins and writes are denied then, always.
   */
  onStoreDown?: 'deny' | 'allowReads';
  /** How long one question may take, milliseconds. Default 2,000. */
  timeoutMs?: number;
  /** Told of every error that ended in `unavailable`, or, while it observes, in an answer without a decision. */
  onError?: (error: unknown) => void;
}

/** The gate: may this person act here, now? */
export interface Gate {
  /**
   * @throws InvalidQuestion for a question about nobody, or with anything but texts; and what the driver throws
   *   when MongoDB refuses the query itself (a missing right). Nobody gets in by an error. While it observes, it
   *   never throws: a trial must not take the product down.
   */
  check: (question: GateQuestion) => Promise<GateAnswer>;
  /** The same for `login`, with what WorkOS answered in the callback. It learns nothing and creates nobody. */
  canLogIn: (profile: LoginProfile) => Promise<GateAnswer>;
}

/**
 * Makes a gate for a host application. It opens no connection of its own and only ever reads.
 *
 * @throws RangeError or TypeError for options that mean nothing: better at start than at the first leaving.
 */
export function createGate(options: GateOptions): Gate {
  requireSense(options);
  const { organizationOf = (id) => id, readCacheMs = 0, readCacheSize = 10_000 } = options;
  const cache =
    readCacheMs === 0
      ? null
      : createReadCache({
          maxAgeMs: readCacheMs,
          maxEntries: readCacheSize,
          nowMs: () => performance.now(),
        });
  const check = async (question: GateQuestion): Promise<GateAnswer> =>
    ask(readQuestion(question), options, cache);
  const canLogIn = async (profile: LoginProfile): Promise<GateAnswer> => {
    const question = questionOfLogin(profile, organizationOf);
    return question === null ? denied('unknown') : check(question);
  };
  if (options.observe !== true) return { check, canLogIn };
  return {
    check: async (question) => observing(options, async () => check(question)),
    canLogIn: async (profile) => observing(options, async () => canLogIn(profile)),
  };
}

function requireSense({ db, readCacheMs = 0, readCacheSize = 1, ...options }: GateOptions): void {
  if (typeof db?.collection !== 'function')
    throw new TypeError('db must be a database of the driver.');
  if (!(readCacheMs >= 0 && readCacheMs <= 1_000)) {
    throw new RangeError('readCacheMs must be 0 to 1000: a leaver must be out within a second.');
  }
  if (!(Number.isInteger(readCacheSize) && readCacheSize >= 1)) {
    throw new RangeError('readCacheSize must be a whole number above 0.');
  }
  if (!(options.timeoutMs === undefined || options.timeoutMs > 0)) {
    throw new RangeError('timeoutMs must be above 0.');
  }
  if (!['deny', 'allowReads', undefined].includes(options.onStoreDown)) {
    throw new TypeError('onStoreDown must be deny or allowReads.');
  }
}

async function ask(
  { action, ...question }: ReturnType<typeof readQuestion>,
  { db, timeoutMs = 2_000, onStoreDown, onError }: GateOptions,
  cache: ReadCache | null,
): Promise<GateAnswer> {
  const kept = action === 'read' ? cache : null;
  const key = kept === null ? '' : keyOf(question);
  const known = kept?.get(key);
  if (known !== undefined) return known;
  const askedAtMs = performance.now();
  try {
    const { decision } = await findAtGate(db, question, { timeoutMs });
    kept?.put(key, decision, askedAtMs);
    return decision;
  } catch (error) {
    if (!saysOutage(error)) throw error;
    onError?.(error);
    return unavailable(action === 'read' && onStoreDown === 'allowReads');
  }
}

/** The same for the same question only: a list keeps `a,b` apart from `a` and `b`. */
function keyOf({
  organizationId,
  userId,
  directoryUserId,
  emailKey,
  emailOf,
  sso,
}: Omit<ReturnType<typeof readQuestion>, 'action'>): string {
  const asked = [organizationId, userId, directoryUserId, emailKey, emailOf];
  return JSON.stringify([...asked, sso?.idpId, sso?.emailKey, sso?.connectionId]);
}

async function observing(
  { onError }: GateOptions,
  decide: () => Promise<GateAnswer>,
): Promise<GateAnswer> {
  try {
    const decided = await decide();
    return observedDecision(isDecision(decided) ? decided : null);
  } catch (error) {
    onError?.(error);
    return observedDecision(null);
  }
}

function isDecision(answer: GateAnswer): answer is AccessDecision {
  return answer.reason !== 'unavailable';
}
