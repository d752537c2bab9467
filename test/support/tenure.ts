import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { Client } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';
import type { Db, MongoClient } from 'mongodb';

import { createActivities } from '../../activities/index.ts';
import type { Polling, PollReports } from '../../activities/poll-events.ts';
import type { CredentialSource } from '../../connectors/credential-source.ts';
import type { HostApplication } from '../../connectors/host-application.ts';
import { createMongoHost } from '../../connectors/mongodb/host.ts';
import type { HostFile } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import type { NotificationEndpoint } from '../../domain/notifications.ts';
import type { PolicyDefaults } from '../../domain/host-file.ts';
import { takeIn, type IntakeOptions, type Taken } from '../../intake/take-in.ts';
import { parseHostFile } from '../../platform/host-file/parse.ts';
import { newId } from '../../platform/ids.ts';
import { migrate } from '../../platform/mongo/migrations.ts';
import { connectMongo, storeOn, type Store } from '../../platform/mongo/store.ts';
import { tellEndpoints } from '../../platform/mongo/telling.ts';
import type { Notifier } from '../../platform/outgoing/notifier.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import {
  createLifecycleSignals,
  type LifecycleSignals,
} from '../../platform/temporal/lifecycle-signals.ts';
import { createNotificationSignals } from '../../platform/temporal/notification-signals.ts';
import type { DirectoryListing } from '../../platform/workos/directory-listing.ts';
import type { DirectoryLookup } from '../../platform/workos/directory-lookup.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { createDispatcher } from '../../workers/dispatcher.ts';
import { repeat, type Repeating } from '../../workers/repeat.ts';
import { freshDatabaseName, testServers } from './servers.ts';

/** Tenure's store and intake on a database of its own, without Temporal. */
export interface TestTenure {
  store: Store;
  hostDb: Db;
  file: HostFile;
  host: HostApplication;
  intake: IntakeOptions;
  /** Takes an event in as the webhook does; `on` another store for a race. */
  take(envelope: EventEnvelope, on?: Store): Promise<Taken>;
  close(): Promise<void>;
}

/** The demo's host file, on a database of the test's own. */
export async function demoHostFile(): Promise<HostFile> {
  const url = new URL('../../local/demo/acme.yaml', import.meta.url);
  return parseHostFile(await readFile(url, 'utf8'), 'acme.yaml').file;
}

/** Opens a fresh database on the shared MongoDB, migrated. */
export async function openTenure(storeOf: (store: Store) => Store = (s) => s): Promise<TestTenure> {
  const name = freshDatabaseName();
  const client: MongoClient = await connectMongo(testServers().mongodbUrl, 5000);
  const store = storeOf(storeOn(client, name));
  await migrate(store);
  const hostDb = client.db(`${name}_host`);
  const file = await demoHostFile();
  const host = createMongoHost({ db: hostDb, file, writesPerSecond: 100_000 });
  const intake: IntakeOptions = {
    file,
    newUserId: () => newId('user'),
    bodyDays: 30,
    timeoutMs: 60_000,
  };
  return {
    store,
    hostDb,
    file,
    host,
    intake,
    take: async (envelope, on = store) =>
      takeIn(on, envelope, { transport: 'webhook', receivedAt: new Date() }, intake),
    async close() {
      await Promise.all([store.db.dropDatabase(), hostDb.dropDatabase()]);
      await client.close();
    },
  };
}

/** A lookup that answers what a test says: everybody is gone unless it says otherwise. */
export function scriptedLookup(): DirectoryLookup & {
  people: Map<string, 'active' | 'inactive' | 'uncertain'>;
  directories: Map<string, 'missing' | 'uncertain'>;
} {
  const people = new Map<string, 'active' | 'inactive' | 'uncertain'>();
  const directories = new Map<string, 'missing' | 'uncertain'>();
  return {
    people,
    directories,
    directory: async (id) => {
      const answer = directories.get(id);
      return answer === undefined ? { answer: 'found', data: { id } } : { answer };
    },
    directoryUser: async (id) => {
      const state = people.get(id);
      if (state === undefined) return { answer: 'missing' };
      if (state === 'uncertain') return { answer: 'uncertain' };
      return { answer: 'found', data: { id, state, directory_id: 'directory_x' } };
    },
    directoryUsersByIdpId: async () => ({ answer: 'found', data: { data: [] } }),
  };
}

/** A running Tenure: workers and dispatcher in this process, on the shared servers. */
export interface RunningTenure extends TestTenure {
  client: Client;
  signals: LifecycleSignals;
  queuePrefix: string;
  lookup: ReturnType<typeof scriptedLookup>;
  /** Takes an event in and signals what closed, as the API does. */
  deliver(envelope: EventEnvelope): Promise<Taken>;
  /** The membership of a directory user, once `test` holds for it; fails after `timeoutMs`. */
  until(
    directoryUserId: string,
    test: (membership: Membership) => boolean,
    timeoutMs?: number,
  ): Promise<Membership>;
  untilMembership(
    membershipId: string,
    test: (membership: Membership) => boolean,
    timeoutMs?: number,
  ): Promise<Membership>;
  sandbox(organizationId: string, seconds: number, policy?: PolicyDefaults): Promise<void>;
}

/** Reports of the poller that nobody reads. */
export const silentReports: PollReports = {
  answered: () => undefined,
  tookIn: () => undefined,
  accessClosed: () => undefined,
  notApplied: () => undefined,
};

/** The endpoints that are told, and by what. */
export interface Notified {
  endpoints: NotificationEndpoint[];
  notifier: Notifier;
}

/** Loaded only where workers run: the SDK takes longer to load than all of Tenure, once for each test file. */
async function temporalModules() {
  const [{ createWorkers }, { quietTemporal }, { Client, Connection }, { NativeConnection }] =
    await Promise.all([
      import('../../workers/create-workers.ts'),
      import('./quiet-temporal.ts'),
      import('@temporalio/client'),
      import('@temporalio/worker'),
    ]);
  return { createWorkers, quietTemporal, Client, Connection, NativeConnection };
}

/**
 * Starts workers and dispatcher in this process, with task queues and a database of their own. Nothing is polled
 * unless `polling` says with what, and a test starts the poller.
 */
export async function startTenure(
  options: {
    polling?: Pick<Polling, 'api' | 'intervalMs'>;
    listing?: DirectoryListing;
    notified?: Notified;
    outsideSources?: readonly CredentialSource[];
  } = {},
): Promise<RunningTenure> {
  const { createWorkers, quietTemporal, Client, Connection, NativeConnection } =
    await temporalModules();
  quietTemporal();
  const servers = testServers();
  const queuePrefix = `test-${randomUUID()}`;
  const lookup = scriptedLookup();
  const nativeConnection = await NativeConnection.connect({ address: servers.temporalAddress });
  const connection = await Connection.connect({ address: servers.temporalAddress });
  const client = new Client({ connection, namespace: 'default' });
  const { notified } = options;
  const notifications = createNotificationSignals(client, { queuePrefix });
  const telling = tellEndpoints(notified?.endpoints ?? [], notifications);
  const tenure = await openTenure((store) => ({ ...store, telling }));
  const signals = createLifecycleSignals(client, { queuePrefix });
  const workers: Worker[] = await createWorkers({
    connection: nativeConnection,
    namespace: 'default',
    queuePrefix,
    stickyTimeoutMs: 1000,
    workflowBundle: { codePath: servers.workflowBundle ?? missing() },
    activities: createActivities(
      {
        store: tenure.store,
        file: tenure.file,
        host: tenure.host,
        directoryLookup: lookup,
        outsideSources: options.outsideSources ?? [],
        directoryListing: options.listing ?? null,
        polling:
          options.polling === undefined
            ? null
            : { ...options.polling, bodyDays: 30, signals, reports: silentReports },
        revocation: { readBackPauseMs: 20, giveUpAfterMs: 5000 },
        newUserId: () => newId('user'),
        maxPauseMs: 2000,
        guardSettleMs: 0,
        onVerifiedEmpty: () => undefined,
        ...(notified === undefined ? {} : { notifier: notified.notifier }),
      },
      (error) => {
        if (process.env['TENURE_TEST_VERBOSE']) process.stderr.write(`${String(error)}\n`);
      },
    ),
  });
  const running = workers.map(async (worker) => worker.run());
  const dispatcher = createDispatcher({
    store: tenure.store,
    signals,
    joinAdmission: 50,
    onSignalled: () => undefined,
  });
  const chores: Repeating[] = [
    dispatcher.tick,
    async () => spreadFacts(tenure.store, { file: tenure.file, newUserId: () => newId('user') }),
    async () => spreadGuards(tenure.store, tenure),
  ].map((round) => repeat({ intervalMs: 50, round, onError: () => undefined }));

  const untilMembership: RunningTenure['untilMembership'] = async (
    id,
    test,
    timeoutMs = 60_000,
  ) => {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = await tenure.store.collections.memberships.findOne({ _id: id });
      if (found !== null && test(found)) return found;
      if (Date.now() > deadline) {
        throw new Error(`Waited in vain for ${id}: ${JSON.stringify(found)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };

  return {
    ...tenure,
    client,
    signals,
    queuePrefix,
    lookup,
    untilMembership,
    async deliver(envelope) {
      const taken = await tenure.take(envelope);
      if (!taken.duplicate && taken.urgent.length > 0) {
        const { organizationId } = taken;
        signals.lookAgain(taken.urgent.map((membershipId) => ({ membershipId, organizationId })));
      }
      return taken;
    },
    async until(directoryUserId, test, timeoutMs) {
      const mirror = await tenure.store.collections.directoryUsers.findOne({
        'records.id': directoryUserId,
      });
      if (mirror?.membershipId == null) throw new Error(`${directoryUserId} has no membership.`);
      return untilMembership(mirror.membershipId, test, timeoutMs);
    },
    async sandbox(organizationId, seconds, policy = {}) {
      await putPolicy(tenure.store, organizationId, {
        policy: {
          ...resolvePolicy(null, { deletionAllowed: true, ...policy }),
          sandbox: true,
          sandboxCoolingOffSeconds: seconds,
        },
      });
    },
    async close() {
      await Promise.all(chores.map(async (chore) => chore.stop()));
      for (const worker of workers) worker.shutdown();
      await Promise.allSettled(running);
      await connection.close();
      await nativeConnection.close();
      await tenure.close();
    },
  };
}

function missing(): never {
  throw new Error('The global setup built no workflow bundle.');
}
