import { createHmac, randomBytes, randomUUID } from 'node:crypto';

import { createApp } from '../../api/app.ts';
import type { ApiDeps, ApiSettings } from '../../api/deps.ts';
import { createReadiness } from '../../api/readiness.ts';
import type { Route } from '../../api/route.ts';
import { createScrape } from '../../api/scrape.ts';
import { listen } from '../../api/server.ts';
import type { HostFile } from '../../domain/host-file.ts';
import { defaultAttributeMap } from '../../domain/profile.ts';
import { newId } from '../../platform/ids.ts';
import { createLogger } from '../../platform/logger.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { migrate } from '../../platform/mongo/migrations.ts';
import { connectMongo, storeOn, type Store } from '../../platform/mongo/store.ts';

export const adminKey = 'admin-key-for-tests-0123456789';
export const gateKey = 'gate-key-for-tests-0123456789';
export const revocationKey = 'revocation-key-for-tests-0123456789';
export const webhookSecret = 'webhook-secret-for-tests';
export const oldWebhookSecret = 'webhook-secret-being-rotated-out';

export function aHostFile(parts: Partial<HostFile> = {}): HostFile {
  return {
    version: 1,
    database: null,
    defaults: { policy: { deletionAllowed: true } },
    organizations: {},
    organizationOwner: 'org:{organizationId}',
    attributes: defaultAttributeMap,
    directoryOrder: [],
    users: null,
    sessions: [],
    resources: [],
    personalData: [],
    notifications: [],
    tokenRevocation: { issuers: [] },
    ...parts,
  };
}

/** A fresh database of the server that the global setup started. */
export async function freshStore(): Promise<{ store: Store; drop(): Promise<void> }> {
  const url = process.env['TENURE_TEST_MONGODB_URL'];
  if (url === undefined) throw new Error('TENURE_TEST_MONGODB_URL is not set');
  const client = await connectMongo(url, 5_000);
  const store = storeOn(client, `api_${randomBytes(8).toString('hex')}`);
  await migrate(store);
  return {
    store,
    async drop() {
      await store.db.dropDatabase();
      await client.close();
    },
  };
}

export interface TestApi {
  url: string;
  store: Store;
  deps: ApiDeps;
  /** Memberships that were signalled, in order. */
  signalled: { membershipId: string; organizationId: string }[];
  /** Everything that was logged, as text. */
  logged(): string;
  /** Every body that was answered, as text: searched for stacks when the suite ends. */
  answers: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Sends an event of WorkOS, signed unless `headers` say otherwise. */
  deliver(event: unknown, options?: { headers?: Record<string, string> }): Promise<Answer>;
  close(): Promise<void>;
}

export interface CallOptions {
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: string | Uint8Array;
  /** null: no key. Default: the admin key. */
  key?: string | null;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Tests state the shape of an answer by using it. */
  json: any;
}

export interface TestApiOptions {
  /** A store of the test's own making; default: a fresh database. */
  store?: Store;
  settings?: Partial<ApiSettings>;
  deps?: Partial<ApiDeps>;
  routes?: readonly Route[];
}

/** The API in this process, on a port of its own and a fresh database. */
export async function startApi(options: TestApiOptions = {}): Promise<TestApi> {
  const own = options.store === undefined ? await freshStore() : null;
  const store = options.store ?? own?.store;
  if (store === undefined) throw new Error('There is no store.');
  const signalled: TestApi['signalled'] = [];
  const lines: string[] = [];
  const metrics = createMetrics('api');
  const deps: ApiDeps = {
    store: () => store,
    hostFile: aHostFile(),
    signals: { lookAgain: (memberships) => void signalled.push(...memberships) },
    readiness: createReadiness({ connected: () => store, migrated: () => true }),
    logger: createLogger({
      level: 'debug',
      role: 'api',
      destination: { write: (line: string) => void lines.push(line) },
    }),
    metrics,
    scrape: createScrape(metrics, () => store, 300_000),
    newUserId: () => newId('user'),
    settings: {
      keys: { admin: [{ name: 'ada', key: adminKey }], gate: gateKey, revocation: revocationKey },
      webhookSecrets: [webhookSecret, oldWebhookSecret],
      webhookMaxBytes: 262_144,
      inboxBodyDays: 30,
      observing: false,
      checkResponses: true,
      ...options.settings,
    },
    ...options.deps,
  };
  const server = await listen(createApp(deps, options.routes).callback(), 0, '127.0.0.1');
  const url = `http://127.0.0.1:${server.port}`;
  const answers: string[] = [];
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    answers.push(text);
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : null,
    };
  };
  return {
    url,
    store,
    deps,
    signalled,
    answers,
    logged: () => lines.join(''),
    call: async (method, path, { body, raw, key = adminKey, headers = {} } = {}) => {
      const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      return send(path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(sent === undefined ? {} : { body: sent }),
      });
    },
    deliver: async (event, { headers } = {}) => {
      const body = typeof event === 'string' ? event : JSON.stringify(event);
      return send('/webhooks/workos', {
        method: 'POST',
        headers: headers ?? { 'workos-signature': sign(body) },
        body,
      });
    },
    async close() {
      await server.close();
      await own?.drop();
    },
  };
}

/** The header of WorkOS over a body. */
export function sign(
  body: string | Uint8Array,
  { at = Date.now(), secret = webhookSecret }: { at?: number | string; secret?: string } = {},
): string {
  return `t=${at},v1=${signature(body, at, secret)}`;
}

export function signature(
  body: string | Uint8Array,
  at: number | string = Date.now(),
  secret: string = webhookSecret,
): string {
  return createHmac('sha256', secret).update(`${at}.`).update(body).digest('hex');
}

let clock = Date.now() - 3_600_000;

/** One person in one directory, whose events can be made at will; each is newer than the one before. */
export interface Person {
  id: string;
  organizationId: string;
  directoryId: string;
  event(
    type: 'created' | 'updated' | 'deleted',
    data?: Record<string, unknown>,
  ): { id: string; event: string; created_at: string; data: Record<string, unknown> };
}

export function aPerson(parts: Partial<Record<string, string>> = {}): Person {
  const tag = randomUUID().slice(0, 8);
  const organizationId = parts['organizationId'] ?? `org_${tag}`;
  const directoryId = parts['directoryId'] ?? `directory_${tag}`;
  const id = parts['id'] ?? `directory_user_${tag}`;
  const email = parts['email'] ?? `ada.${tag}@example.com`;
  return {
    id,
    organizationId,
    directoryId,
    event(type, data = {}) {
      clock += 1_000;
      const at = new Date(clock).toISOString();
      return {
        id: `event_${randomUUID()}`,
        event: `dsync.user.${type}`,
        created_at: at,
        data: {
          id,
          directory_id: directoryId,
          organization_id: organizationId,
          idp_id: parts['idpId'] ?? `idp_${tag}`,
          email,
          first_name: 'Ada',
          last_name: `Lovelace ${tag}`,
          username: parts['username'] ?? `ada-${tag}`,
          state: 'active',
          custom_attributes: {},
          updated_at: at,
          ...data,
        },
      };
    },
  };
}
