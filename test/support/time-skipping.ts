import { randomUUID } from 'node:crypto';

import { WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { type Worker } from '@temporalio/worker';

import { createActivities, type Activities } from '../../activities/index.ts';
import type { Membership } from '../../domain/membership.ts';
import {
  lifecycleWorkflowId,
  lifecycleWorkflowType,
  searchAttributeNames,
  taskQueuesOf,
  type CommandAnswer,
  type CommandMessage,
  type LifecycleInput,
} from '../../domain/messages.ts';
import type { CommandName } from '../../domain/words.ts';
import type { PolicyDefaults } from '../../domain/host-file.ts';
import { newId } from '../../platform/ids.ts';
import { tellEndpoints } from '../../platform/mongo/telling.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { createLifecycleSignals } from '../../platform/temporal/lifecycle-signals.ts';
import {
  createNotificationSignals,
  type NotificationSignals,
} from '../../platform/temporal/notification-signals.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { createWorkers } from '../../workers/create-workers.ts';
import { laterTime, userEvent, workosId } from './events.ts';
import { quietTemporal } from './quiet-temporal.ts';
import { testServers } from './servers.ts';
import { openTenure, scriptedLookup, type Notified, type TestTenure } from './tenure.ts';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

type WorkflowType = (input: LifecycleInput) => Promise<void>;

export const dayMs = 24 * 60 * 60 * 1000;

/** A directory user as the tests make them. */
export interface Person {
  id: string;
  organizationId: string;
  directoryId: string;
  email: string;
}

/** One call of an activity, as the workers saw it. */
export interface Call {
  name: keyof Activities;
  membershipId: string;
  /** The workflow's time, where the activity is told. */
  nowMs: number | null;
}

export type Hook = (
  call: Call,
) => void | { instead: unknown } | Promise<void | { instead: unknown }>;

/**
 * A Tenure whose workflow time is virtual: Temporal's time-skipping server, the real activities, the real
 * MongoDB. Only workflow time skips. What is written by the wall clock (the due time, at intake) is set
 * relative to virtual time by {@link SkippingTenure.leave}. There is no dispatcher: a test says when a
 * signal is sent, and so nothing happens between two lines of it.
 *
 * Time is one for the whole environment: one environment a test file, one test at a time.
 */
export interface SkippingTenure extends TestTenure {
  env: TestWorkflowEnvironment;
  /** What wakes the delivery of notifications. */
  notifications: NotificationSignals;
  lookup: ReturnType<typeof scriptedLookup>;
  /** Every call of an activity so far. */
  calls: Call[];
  /**
   * Called before an activity runs; throws to make it fail, or returns `{ instead }` to answer in its
   * place. Each test that sets it takes it away again.
   */
  before: { hook?: Hook | undefined };
  /** Somebody new, in an organization of their own whose contract allows deletion. */
  person(policy?: PolicyDefaults): Promise<Person>;
  /** They join, and it is waited until they are settled. */
  join(person: Person): Promise<Membership>;
  /** They leave, and it is waited until the lifecycle sleeps. Returns the due time, by virtual time. */
  leave(person: Person, days: number): Promise<number>;
  /** They are active again: the intake only, without a signal. */
  comeBack(person: Person): Promise<void>;
  membership(person: Person): Promise<Membership>;
  /** The membership once `test` holds for it. */
  until(person: Person, test: (membership: Membership) => boolean): Promise<Membership>;
  untilId(id: string, test: (membership: Membership) => boolean): Promise<Membership>;
  /** Waits until the newest run has ended so: `COMPLETED`, `CANCELLED`, ... */
  untilClosed(membershipId: string, status: string): Promise<void>;
  /** Gives a command by an Update, which starts a run if none is open. */
  updateWithStart(membershipId: string, name: CommandName): Promise<CommandAnswer>;
  eventually: typeof eventually;
  /** Signals `lookAgain`, starting a run if none is open. */
  lookAgain(person: Person): Promise<void>;
  handle(membership: Pick<Membership, '_id'>): WorkflowHandle;
  /** Lets virtual time skip to `timeMs`. */
  skipTo(timeMs: number): Promise<void>;
  /** Waits until the newest run has a timer, and returns when it fires. */
  untilSleeping(membershipId: string): Promise<number>;
  /**
   * Waits until the newest run has a timer for this time. It may fire later by what passed between the
   * beginning and the end of a workflow task, never earlier.
   */
  untilSleepingFor(membershipId: string, timeMs: number): Promise<void>;
  /** The events of the newest run. */
  events(membershipId: string): Promise<HistoryEvent[]>;
  /** The calls of one activity for a membership so far. */
  callsOf(name: Call['name'], membershipId: string): Call[];
  stopWorkers(): Promise<void>;
  startWorkers(): Promise<void>;
}

/** Milliseconds of a protobuf timestamp. */
export function msOf(time: temporal.api.history.v1.IHistoryEvent['eventTime']): number {
  return Number(time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6;
}

/** Asks until the answer is there. */
export async function eventually<T>(
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  what: string,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await ask();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Starts an environment with workers, on a database of its own. Close it in `afterAll`.
 *
 * @param notified the endpoints that are told, and by what
 */
export async function startSkipping(notified?: Notified): Promise<SkippingTenure> {
  quietTemporal();
  const servers = testServers();
  const env = await startServer(servers.timeSkippingServer);
  await registerSearchAttributes(env);
  const queuePrefix = `skip-${randomUUID()}`;
  const notifications = createNotificationSignals(env.client, { queuePrefix, deadlineMs: 10_000 });
  const telling = tellEndpoints(notified?.endpoints ?? [], notifications);
  const tenure = await openTenure((store) => ({ ...store, telling }));
  const lookup = scriptedLookup();
  const calls: Call[] = [];
  const membershipIds = new Map<string, string>();
  const before: SkippingTenure['before'] = {};
  const activities = watched(
    createActivities(
      {
        store: tenure.store,
        file: tenure.file,
        host: tenure.host,
        directoryLookup: lookup,
        directoryListing: null,
        polling: null,
        revocation: { readBackPauseMs: 20, giveUpAfterMs: 5000 },
        newUserId: () => newId('user'),
        maxPauseMs: 300_000,
        guardSettleMs: 0,
        onVerifiedEmpty: () => undefined,
        ...(notified === undefined ? {} : { notifier: notified.notifier }),
      },
      () => undefined,
    ),
    async (call) => {
      calls.push(call);
      return before.hook?.(call);
    },
  );
  let running = await run();
  const signals = createLifecycleSignals(env.client, { queuePrefix, deadlineMs: 10_000 });

  async function run(): Promise<{ workers: Worker[]; done: Promise<unknown> }> {
    const workers = await createWorkers({
      connection: env.nativeConnection,
      namespace: env.namespace ?? 'default',
      queuePrefix,
      stickyTimeoutMs: 1000,
      // Every task replays its run from the beginning, a test of determinism in every line; and this server
      // leaves a task for ever with the worker that had the run in its cache, when that one is stopped.
      // Beside a second run, though, a local activity would be dropped with its run, again and again.
      maxCachedWorkflows: notified === undefined ? 0 : 100,
      workflowBundle: { codePath: servers.workflowBundle ?? '' },
      activities,
    });
    return { workers, done: Promise.allSettled(workers.map(async (worker) => worker.run())) };
  }

  async function end(): Promise<void> {
    for (const worker of running.workers) worker.shutdown();
    await running.done;
  }

  async function membershipIdOf(person: Person): Promise<string> {
    const mirror = await tenure.store.collections.directoryUsers.findOne({
      'records.id': person.id,
    });
    // Once anonymized, nothing leads from a directory user to the membership.
    const id = mirror?.membershipId ?? membershipIds.get(person.id);
    if (id === undefined) throw new Error(`${person.id} has no membership.`);
    membershipIds.set(person.id, id);
    return id;
  }

  async function membership(person: Person): Promise<Membership> {
    const _id = await membershipIdOf(person);
    const found = await tenure.store.collections.memberships.findOne({ _id });
    if (found === null) throw new Error(`${_id} is missing.`);
    return found;
  }

  async function untilId(id: string, test: (found: Membership) => boolean): Promise<Membership> {
    return eventually(
      async () => {
        const found = await tenure.store.collections.memberships.findOne({ _id: id });
        return found !== null && test(found) ? found : null;
      },
      `membership ${id}: ${String(test)}`,
    );
  }

  const skipping: SkippingTenure = {
    ...tenure,
    env,
    notifications,
    lookup,
    calls,
    before,
    membership,
    async person(policy = {}) {
      const organizationId = workosId('org');
      await putPolicy(tenure.store, organizationId, {
        policy: resolvePolicy(null, { deletionAllowed: true, ...policy }),
      });
      return {
        id: workosId('directory_user'),
        organizationId,
        directoryId: `directory_${organizationId}`,
        email: `${workosId('mail')}@example.com`,
      };
    },
    async join(person) {
      await tenure.take(userEvent('created', person, anHourAgo()));
      await skipping.lookAgain(person);
      return skipping.until(person, (m) => m.access.state === 'open' && m.resting);
    },
    async leave(person, days) {
      await tenure.take(userEvent('deleted', person, anHourAgo()));
      const { _id } = await membership(person);
      const dueMs = (await env.currentTimeMs()) + days * dayMs;
      await tenure.store.collections.memberships.updateOne(
        { _id },
        { $set: { dueAt: new Date(dueMs) } },
      );
      await skipping.lookAgain(person);
      await skipping.untilSleeping(_id);
      return dueMs;
    },
    async comeBack(person) {
      await tenure.take(userEvent('updated', person, anHourAgo()));
    },
    async until(person, test) {
      return untilId(await membershipIdOf(person), test);
    },
    async lookAgain(person) {
      const { _id, organizationId, phase, urgent } = await membership(person);
      // The Java server refuses a signalWithStart while a run is ending; a real one starts the next run.
      await eventually(async () => {
        try {
          await signals.signal({ membershipId: _id, organizationId, phase, urgent });
          return true;
        } catch (error) {
          if (error instanceof Error && error.name === 'WorkflowNotFoundError') return false;
          throw error;
        }
      }, 'a signal');
    },
    untilId,
    eventually,
    async untilClosed(membershipId, status) {
      await eventually(async () => {
        const described = await skipping.handle({ _id: membershipId }).describe();
        return described.status.name === status;
      }, `the run of ${membershipId}: ${status}`);
    },
    async updateWithStart(membershipId, name) {
      const { organizationId } = await untilId(membershipId, () => true);
      const input: LifecycleInput = { membershipId, organizationId };
      return env.client.workflow.executeUpdateWithStart<
        WorkflowType,
        CommandAnswer,
        [CommandMessage?]
      >(name, {
        startWorkflowOperation: new WithStartWorkflowOperation<WorkflowType>(
          lifecycleWorkflowType,
          {
            workflowId: lifecycleWorkflowId(membershipId),
            taskQueue: taskQueuesOf(queuePrefix).lifecycle,
            workflowIdConflictPolicy: 'USE_EXISTING',
            args: [input],
          },
        ),
      });
    },
    handle: ({ _id }) => env.client.workflow.getHandle(lifecycleWorkflowId(_id)),
    async skipTo(timeMs) {
      await env.sleep(Math.max(1, timeMs - (await env.currentTimeMs())));
    },
    async untilSleeping(membershipId) {
      return eventually(async () => {
        const events = await skipping.events(membershipId).catch(() => []);
        return sleepingUntil(events);
      }, `a timer of ${membershipId}`);
    },
    async untilSleepingFor(membershipId, timeMs) {
      await eventually(
        async () => {
          const lateMs = (await skipping.untilSleeping(membershipId)) - timeMs;
          return lateMs >= 0 && lateMs < 60_000;
        },
        `a timer of ${membershipId} for ${new Date(timeMs).toISOString()}`,
      );
    },
    async events(membershipId) {
      const history = await skipping.handle({ _id: membershipId }).fetchHistory();
      return history.events ?? [];
    },
    callsOf: (name, membershipId) =>
      calls.filter((call) => call.name === name && call.membershipId === membershipId),
    stopWorkers: end,
    async startWorkers() {
      running = await run();
    },
    async close() {
      await end();
      await env.teardown();
      await tenure.close();
    },
  };
  return skipping;
}

/** When the open timer of a run fires; null if it has none. */
export function sleepingUntil(events: readonly HistoryEvent[]): number | null {
  const over = new Set(
    events.map(({ timerFiredEventAttributes: fired, timerCanceledEventAttributes: canceled }) =>
      String(fired?.startedEventId ?? canceled?.startedEventId ?? ''),
    ),
  );
  const open = events.findLast(
    ({ eventId, timerStartedEventAttributes }) =>
      timerStartedEventAttributes != null && !over.has(String(eventId)),
  );
  const timeout = open?.timerStartedEventAttributes?.startToFireTimeout;
  if (open === undefined || timeout == null) return null;
  return msOf(open.eventTime) + msOf(timeout);
}

/**
 * The SDK gives the server five seconds to start, which a Java machine on a busy computer may miss: less
 * compiling starts it sooner, and it gets further tries.
 */
async function startServer(path: string): Promise<TestWorkflowEnvironment> {
  process.env['JAVA_TOOL_OPTIONS'] ??= '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC';
  for (let tries = 1; ; tries += 1) {
    try {
      return await TestWorkflowEnvironment.createTimeSkipping({
        server: { executable: { type: 'existing-path', path } },
      });
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

/** By the numbers of the protocol (`IndexedValueType`): keyword 2, time 6, list of keywords 7. */
async function registerSearchAttributes(env: TestWorkflowEnvironment): Promise<void> {
  const types = { phase: 2, organization: 2, dueAt: 6, blockedBy: 7 };
  const names = Object.entries(searchAttributeNames);
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(
      names.map(([key, name]) => [name, types[key as keyof typeof types]]),
    ),
  });
}

/** Old enough for a last look to judge: what is seconds old may be newer than WorkOS's answer. */
function anHourAgo(): string {
  return new Date(Date.parse(laterTime()) - 3_600_000).toISOString();
}

/** The same activities, each asking `onCall` first. */
function watched(
  activities: Activities,
  onCall: (call: Call) => Promise<void | { instead: unknown }>,
): Activities {
  const entries = Object.entries(activities).map(([name, activity]) => [
    name,
    async (input: { membershipId: string; nowMs?: number }) => {
      const answer = await onCall({
        name: name as keyof Activities,
        membershipId: input.membershipId,
        nowMs: input.nowMs ?? null,
      });
      if (answer !== undefined) return answer.instead;
      return (activity as (given: unknown) => Promise<unknown>)(input);
    },
  ]);
  return Object.fromEntries(entries) as Activities;
}
