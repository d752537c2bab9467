import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import { parseWorkosTime } from '../../domain/versions.ts';
import { OutgoingFailed } from '../outgoing/outgoing-failed.ts';
import { createWorkos, type WorkosAccess } from './client.ts';
import { refusalIn, refusingFetch } from './http-refusal.ts';
import { pauseAsked } from './listing-failed.ts';
import { createRequestLimiter, type RequestLimiter } from './request-limiter.ts';

/** A user of WorkOS user management (AuthKit), as far as it says who somebody is. */
export interface Account {
  id: string;
  email: string;
  /** What the host application calls the person, where it told WorkOS; null: it did not. */
  externalId: string | null;
  /** When it was made; null: WorkOS does not say, or nobody can read it. */
  createdAt: Date | null;
}

/** An AuthKit user in one organization. An inactive one lets nobody in. */
export interface OrganizationMembership {
  id: string;
  organizationId: string;
  status: 'active' | 'inactive' | 'pending';
}

/** Something of an account that ends by its id. `organizationId` null: it belongs to no organization. */
export interface AccountItem {
  id: string;
  organizationId: string | null;
}

/**
 * The accounts of WorkOS user management and what lets somebody in through them. Lists are read to their end;
 * what ended meanwhile, or never was, is no error. Every method asks in its turn, and again after a pause of a
 * few seconds that WorkOS asks for.
 *
 * @throws OutgoingFailed where WorkOS gives no clear answer: `refused` with what `Retry-After` says, `timeout`,
 *   `unreachable`, `notJson` for an answer of another shape. A list that could not be read whole is never a
 *   shorter one.
 */
export interface Accounts {
  byExternalId(externalId: string): Promise<Account | null>;
  byEmail(email: string): Promise<Account[]>;
  /** Of whatever status. */
  memberships(accountId: string, organizationId: string): Promise<OrganizationMembership[]>;
  /** null: WorkOS knows no such membership (any more). */
  membership(id: string): Promise<OrganizationMembership | null>;
  sessions(accountId: string): Promise<AccountItem[]>;
  /** Empty also where the environment has no API keys of users (404). A 403 fails: there may be keys all the same. */
  apiKeys(accountId: string): Promise<AccountItem[]>;
  /** Invitations to the address that can still be accepted, of every organization. */
  invitations(email: string): Promise<AccountItem[]>;
  /** Each ends one thing. False: WorkOS says that there is nothing to be ended, or refuses it as it stands. */
  deactivateMembership(id: string): Promise<boolean>;
  reactivateMembership(id: string): Promise<boolean>;
  deleteMembership(id: string): Promise<boolean>;
  revokeSession(id: string): Promise<boolean>;
  deleteApiKey(id: string): Promise<boolean>;
  revokeInvitation(id: string): Promise<boolean>;
}

/**
 * WorkOS allows 1,000 reads and 500 writes in 10 seconds for an environment, which the host application uses
 * too: Tenure takes no more than half. Requests a second of this process.
 */
const readsPerSecond = 50;
const writesPerSecond = 25;
/** A pause longer than this is for whoever repeats the whole: others wait in the same turn. Milliseconds. */
const longestPauseMs = 5_000;
const mostPauses = 3;
/** A longer one cannot be given to an account. */
const longestExternalId = 128;
/** The most that WorkOS gives at once. */
const pageSize = 100;
/** More sessions than anybody has: a listing that does not end is a broken one. */
const mostPages = 200;

const text = z.string().min(1);
const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? null);
const account = z
  .object({ id: text, email: z.string(), external_id: optionalText, created_at: optionalText })
  .transform(({ id, email, external_id: externalId, created_at: createdAt }): Account => ({
    id,
    email,
    externalId,
    createdAt: timeOf(createdAt),
  }));
const membership = z
  .object({ id: text, organization_id: text, status: z.enum(['active', 'inactive', 'pending']) })
  .transform(({ id, organization_id: organizationId, status }): OrganizationMembership => ({
    id,
    organizationId,
    status,
  }));
const session = z
  .object({ id: text, organization_id: optionalText, status: z.string().default('active') })
  .transform(({ id, organization_id: organizationId, status }) => ({ id, organizationId, status }));
const invitation = z
  .object({ id: text, organization_id: optionalText, state: z.string() })
  .transform(({ id, organization_id: organizationId, state }) => ({ id, organizationId, state }));
const apiKey = z
  .object({ id: text, owner: z.object({ organization_id: optionalText }) })
  .transform(({ id, owner }): AccountItem => ({ id, organizationId: owner.organization_id }));
const page = z.object({
  data: z.array(z.unknown()),
  // Without it a cut answer would look like the last page.
  list_metadata: z.object({ after: z.string().min(1).nullish() }),
});

const base = '/user_management';

/** The accounts through the real WorkOS client. Make one for a process: it carries the limits. */
export function createAccounts(access: WorkosAccess): Accounts {
  const workos = createWorkos(access, { fetchFn: refusingFetch });
  const reads = createRequestLimiter(readsPerSecond);
  const writes = createRequestLimiter(writesPerSecond);
  const get = async (path: string, query: Record<string, string> = {}): Promise<unknown> =>
    asked(reads, async () => (await workos.get(path, { query })).data);
  const list = async <T>(
    path: string,
    query: Record<string, string>,
    shape: z.ZodType<T>,
  ): Promise<T[]> => everyPage((after) => get(path, { ...query, ...after }), shape);
  const end = async (work: () => Promise<unknown>): Promise<boolean> =>
    unlessRefused([400, 404, 409, 422], async () => {
      await asked(writes, work);
      return true;
    }).then((done) => done ?? false);
  return {
    async byExternalId(externalId) {
      if (externalId.length > longestExternalId) return null;
      const path = `${base}/users/external_id/${encodeURIComponent(externalId)}`;
      return unlessRefused([404], async () => readAs(account, await get(path)));
    },
    byEmail: async (email) => list(`${base}/users`, { email }, account),
    memberships: async (accountId, organizationId) =>
      list(
        `${base}/organization_memberships`,
        {
          user_id: accountId,
          organization_id: organizationId,
          statuses: 'active,inactive,pending',
        },
        membership,
      ),
    membership: async (id) =>
      unlessRefused([404], async () => readAs(membership, await get(membershipPath(id)))),
    sessions: async (accountId) =>
      (await list(`${base}/users/${encodeURIComponent(accountId)}/sessions`, {}, session)).filter(
        ({ status }) => status === 'active',
      ),
    apiKeys: async (accountId) =>
      (await unlessRefused([404], async () =>
        list(`${base}/users/${encodeURIComponent(accountId)}/api_keys`, {}, apiKey),
      )) ?? [],
    invitations: async (email) =>
      (await list(`${base}/invitations`, { email }, invitation)).filter(
        ({ state }) => state === 'pending',
      ),
    deactivateMembership: async (id) =>
      end(async () => workos.put(`${membershipPath(id)}/deactivate`, {})),
    reactivateMembership: async (id) =>
      end(async () => workos.put(`${membershipPath(id)}/reactivate`, {})),
    deleteMembership: async (id) => end(async () => workos.delete(membershipPath(id))),
    revokeSession: async (id) =>
      end(async () => workos.post(`${base}/sessions/revoke`, { session_id: id })),
    deleteApiKey: async (id) =>
      end(async () => workos.delete(`/api_keys/${encodeURIComponent(id)}`)),
    revokeInvitation: async (id) =>
      end(async () => workos.post(`${base}/invitations/${encodeURIComponent(id)}/revoke`, {})),
  };
}

function membershipPath(id: string): string {
  return `${base}/organization_memberships/${encodeURIComponent(id)}`;
}

function timeOf(told: string | null): Date | null {
  const ms = told === null ? null : parseWorkosTime(told);
  return ms === null ? null : new Date(ms);
}

/** One request in its turn, and again after a short pause that WorkOS asks for. */
async function asked<T>(limiter: RequestLimiter, request: () => Promise<T>): Promise<T> {
  for (let pauses = 0; ; pauses += 1) {
    await limiter.turn('workos');
    try {
      return await request();
    } catch (error) {
      const pauseMs = pauseAsked(error);
      if (pauseMs === null || pauseMs > longestPauseMs || pauses === mostPauses) {
        throw failureOf(error);
      }
      limiter.hold('workos', pauseMs);
      await sleep(pauseMs);
    }
  }
}

async function everyPage<T>(
  read: (query: Record<string, string>) => Promise<unknown>,
  shape: z.ZodType<T>,
): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  for (let pages = 0; pages < mostPages; pages += 1) {
    const query: Record<string, string> = { limit: String(pageSize), order: 'asc' };
    const answer: unknown = await read(after === null ? query : { ...query, after });
    const found = readAs(page, answer);
    items.push(...readAs(z.array(shape), found.data));
    const next = found.list_metadata.after ?? null;
    if (next === null) return items;
    // A place that does not move on would be read for ever.
    if (next === after || found.data.length === 0) break;
    after = next;
  }
  throw new OutgoingFailed('notJson');
}

/** An answer in another shape says nothing: to leave out what cannot be read would be to leave it alive. */
function readAs<T>(shape: z.ZodType<T>, value: unknown): T {
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw new OutgoingFailed('notJson');
  return parsed.data;
}

/** Undefined is no answer of WorkOS, so null stands for a refusal with one of these statuses. */
async function unlessRefused<T>(statuses: number[], work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OutgoingFailed && statuses.includes(error.status ?? 0)) return null;
    throw error;
  }
}

function failureOf(error: unknown): OutgoingFailed {
  if (error instanceof OutgoingFailed) return error;
  const refusal = refusalIn(error);
  if (refusal !== null) return new OutgoingFailed('refused', refusal);
  if (error instanceof Error && error.name === 'ParseError') return new OutgoingFailed('notJson');
  // The client's own name for a request that took too long.
  const timedOut = error instanceof Error && 'status' in error && error.status === 408;
  return new OutgoingFailed(timedOut ? 'timeout' : 'unreachable');
}
