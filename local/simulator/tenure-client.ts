import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

/** What a scenario reads of a user of Tenure. */
const userSchema = z.object({
  id: z.string(),
  memberships: z.array(
    z.object({
      id: z.string(),
      organizationId: z.string(),
      status: z.string(),
      phase: z.string(),
      access: z.object({ state: z.string(), reason: z.string() }),
      deletionDueAt: z.string().nullable(),
      roles: z.array(z.string()),
    }),
  ),
});
export type TenureUser = z.infer<typeof userSchema>;
export type TenureMembership = TenureUser['memberships'][number];

/** What a directory group gives. */
export interface RoleMapping {
  directoryGroupId: string;
  roles: string[];
  permissions?: string[];
  features?: string[];
}

/** Tenure's HTTP API, as far as a scenario needs it. */
export interface TenureClient {
  /** Resolves once `/health/ready` answers 200. @throws where `signal` is aborted */
  waitUntilReady(): Promise<void>;
  /** Replaces the policy of an organization; false where Tenure does not know it yet. */
  putPolicy(organizationId: string, policy: Record<string, unknown>): Promise<boolean>;
  /** Replaces what the groups of an organization give. */
  putRoleMappings(organizationId: string, mappings: RoleMapping[]): Promise<void>;
  /** The user behind a directory user; undefined before it is known and after it is forgotten. */
  userOf(directoryUserId: string): Promise<TenureUser | undefined>;
  /** A membership by its id, which stays readable after anonymization. */
  membership(id: string): Promise<TenureMembership | undefined>;
}

export interface TenureClientOptions {
  apiUrl: string;
  adminKey: string;
  signal: AbortSignal;
}

/** Every call gives up with `signal`; an answer other than those named throws with its status, without its body. */
export function createTenureClient(options: TenureClientOptions): TenureClient {
  const { apiUrl, adminKey, signal } = options;
  async function call(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(apiUrl + path, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
  }
  function refuse(path: string, status: number): never {
    throw new Error(`Tenure answered ${status} to ${path}`);
  }
  return {
    async waitUntilReady() {
      for (;;) {
        signal.throwIfAborted();
        const ready = await call('GET', '/health/ready').then(
          (response) => response.ok,
          () => false,
        );
        if (ready) return;
        await sleep(500, undefined, { signal });
      }
    },
    async putPolicy(organizationId, policy) {
      const path = `/v1/organizations/${encodeURIComponent(organizationId)}/policy`;
      const { ok, status } = await call('PUT', path, policy);
      return ok || (status === 404 ? false : refuse('the policy', status));
    },
    async putRoleMappings(organizationId, mappings) {
      const path = `/v1/organizations/${encodeURIComponent(organizationId)}/role-mappings`;
      const { ok, status } = await call('PUT', path, { data: mappings });
      if (!ok) refuse('the role mappings', status);
    },
    async userOf(directoryUserId) {
      const query = new URLSearchParams({ directoryUserId });
      const response = await call('GET', `/v1/users?${query.toString()}`);
      if (!response.ok) refuse('the list of users', response.status);
      return z.object({ data: z.array(userSchema) }).parse(await response.json()).data[0];
    },
    async membership(id) {
      const response = await call('GET', `/v1/memberships/${encodeURIComponent(id)}`);
      if (response.status === 404) return undefined;
      if (!response.ok) refuse('a membership', response.status);
      return userSchema.shape.memberships.element.parse(await response.json());
    },
  };
}
