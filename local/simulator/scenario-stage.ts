import { setTimeout as sleep } from 'node:timers/promises';

import { MongoClient } from 'mongodb';
import type { Db } from 'mongodb';

import { hostFootprint, seedHostData } from '../demo/seed-host-data.ts';
import type { HostPerson } from '../demo/seed-host-data.ts';
import { findPerson } from './lookup.ts';
import { leave, returnPerson, update } from './people.ts';
import type { ScenarioContext } from './scenario-context.ts';
import type { Person } from './state.ts';
import { createTenureClient } from './tenure-client.ts';
import type { TenureClient, TenureMembership } from './tenure-client.ts';
import type { World } from './world.ts';

/** Where a scenario plays: the world, Tenure's answers, and the host application's database. */
export interface Stage {
  readonly world: World;
  readonly tenure: TenureClient;
  readonly host: Db;
  /** Tenure only observes. */
  readonly observing: boolean;
  readonly log: (message: string) => void;
  /** Plays a step unless it was played before a restart. */
  step(name: string, action: () => Promise<void>): Promise<void>;
  /** Waits until Tenure has every event that was sent so far. */
  delivered(): Promise<void>;
  /** Cooling-off of seconds for an organization; false where Tenure does not know it yet. */
  makeSandbox(organizationId: string): Promise<boolean>;
  /** Gives people their data in the host application, each once Tenure has let them in. */
  seed(people: Person[]): Promise<void>;
  /**
   * Asks again and again, twice a second, until there is an answer; a refusal or a restart of Tenure counts as none.
   * @throws after `seconds`, with the last refusal
   */
  until<T>(what: string, seconds: number, ask: () => Promise<T | undefined>): Promise<T>;
  close(): Promise<void>;
}

const sandboxPolicy = { sandbox: true, sandboxCoolingOffSeconds: 20, deletionAllowed: true };

/** Waits for Tenure and opens the host application's database. @throws where Tenure has no database to demonstrate on */
export async function openStage(context: ScenarioContext): Promise<Stage> {
  const { log, signal } = context;
  const { world, deliverer } = context.simulator;
  const tenure = createTenureClient({ ...context.tenure, signal });
  await tenure.waitUntilReady();
  const client = await MongoClient.connect(context.tenure.mongodbUrl);
  const until: Stage['until'] = async (what, seconds, ask) => {
    const deadline = Date.now() + seconds * 1000;
    let refusal = '';
    for (;;) {
      try {
        const answer = await ask();
        if (answer !== undefined) return answer;
      } catch (error) {
        refusal = `: ${error instanceof Error ? error.message : String(error)}`;
      }
      if (Date.now() > deadline) throw new Error(`${what} took more than ${seconds} s${refusal}`);
      await sleep(500, undefined, { signal });
    }
  };
  const host = client.db(context.tenure.hostDatabase ?? 'acme');
  return {
    world,
    tenure,
    host,
    observing: context.tenure.observing ?? false,
    log,
    until,
    async step(name, action) {
      const played = (world.state.scenario ??= { name: 'demo', steps: [], done: false });
      if (played.steps.includes(name)) return;
      await action();
      played.steps.push(name);
      world.touch();
    },
    delivered: () => deliverer.idle(),
    makeSandbox: (organizationId) => tenure.putPolicy(organizationId, sandboxPolicy),
    async seed(people) {
      let documents = 0;
      const users = new Set<string>();
      for (const person of people) {
        const there = await until(`letting ${person.handle} in`, 120, () => letIn(tenure, person));
        users.add(there.userId);
        documents += await seedHostData(host, hostPerson(person, there.userId));
      }
      log(`the host application has data of ${users.size} people (${documents} documents)`);
    },
    close: () => client.close(),
  };
}

/** Who leaves for good and who comes back, both by handle or id. */
export interface TenureCast {
  leaver: string;
  returner: string;
  directory?: string;
}

/** Plays a whole tenure and says at each step what Tenure made of it. */
export async function watchTenure(stage: Stage, cast: TenureCast): Promise<void> {
  const { world, tenure, log } = stage;
  const leaver = findPerson(world.state, cast.leaver, cast.directory);
  const returner = findPerson(world.state, cast.returner, cast.directory);
  const before = await stage.until(`knowing ${leaver.handle}`, 60, () => anyState(tenure, leaver));
  const [person, { membershipId }] = [hostPerson(leaver, before.userId), before];

  await stage.step(`update ${leaver.user.id}`, async () => {
    update(world, leaver, {
      jobTitle: 'Senior Tester',
      customAttributes: { cost_center_name: 'QA-7' },
    });
    log(`${leaver.handle} has a new job title`);
    await stage.delivered();
  });
  await stage.step(`leave ${leaver.user.id}`, async () => {
    if (leaver.user.state === 'active') leave(world, leaver);
    await stage.delivered();
    await closed(stage, membershipId, leaver);
    await watchCleaning(stage, leaver, person);
  });
  await stage.step(`return ${returner.idpId}`, () => leaveAndReturn(stage, returner));
  await stage.step(`forget ${leaver.idpId}`, () =>
    watchForgetting(stage, leaver, { ...person, membershipId }),
  );
}

async function watchCleaning(stage: Stage, leaver: Person, person: HostPerson): Promise<void> {
  if (stage.observing) {
    stage.log(`${leaver.handle}: sessions, tokens, keys and projects stay: Tenure only observes`);
    return;
  }
  // A host application that Tenure asks (examples/host-app) may be started by hand only now.
  await stage.until('revoking sessions and moving projects', 600, async () => {
    const left = await hostFootprint(stage.host, person);
    return left.sessions + left.refreshTokens + left.apiKeys + left.projects === 0 || undefined;
  });
  stage.log(
    `${leaver.handle}: sessions, tokens and keys are gone, the projects belong to the manager`,
  );
}

/** An observing Tenure stops where nothing else stands in the way. */
async function watchForgetting(
  stage: Stage,
  { handle }: Person,
  person: HostPerson & { membershipId: string },
): Promise<void> {
  const last = stage.observing ? 'blocked' : 'anonymized';
  await stage.until(
    `forgetting ${handle}`,
    120,
    async () => (await stage.tenure.membership(person.membershipId))?.phase === last || undefined,
  );
  if (stage.observing) {
    stage.log(`${handle} would be forgotten now: GET /v1/observations tells what was left undone`);
    return;
  }
  const left = await hostFootprint(stage.host, person);
  stage.log(`${handle} is forgotten: ${left.namedComments} comments carry the name`);
}

/** In the other flow: WorkOS deletes the record, and the return makes a new one with the same `idp_id`. */
async function leaveAndReturn(stage: Stage, returner: Person): Promise<void> {
  const { world, tenure, log } = stage;
  const there = await stage.until(`knowing ${returner.handle}`, 60, () =>
    anyState(tenure, returner),
  );
  const formerId = returner.user.id;
  if (returner.announced) leave(world, returner, { inactiveUsers: 'deleted' });
  await stage.delivered();
  await closed(stage, there.membershipId, returner);
  if (!returner.announced) returnPerson(world, returner);
  await stage.delivered();
  const back = await stage.until(`letting ${returner.handle} in again`, 60, () =>
    letIn(tenure, returner),
  );
  const same = back.userId === there.userId ? 'the same user' : 'another user';
  const renewed = returner.user.id === formerId ? '' : ' under a new directory user id';
  log(`${returner.handle} is back before the due time${renewed}: ${same}`);
}

async function closed(stage: Stage, membershipId: string, person: Person): Promise<void> {
  const started = Date.now();
  await stage.until(
    `closing the access of ${person.handle}`,
    60,
    async () =>
      (await stage.tenure.membership(membershipId))?.access.state === 'closed' || undefined,
  );
  const what = stage.observing ? 'access would be closed' : 'access closed';
  stage.log(`${person.handle} left: ${what} (seen after ${Date.now() - started} ms)`);
}

interface Known {
  userId: string;
  membershipId: string;
}

async function letIn(tenure: TenureClient, person: Person): Promise<Known | undefined> {
  return known(tenure, person, ({ access }) => access.state === 'open');
}

async function anyState(tenure: TenureClient, person: Person): Promise<Known | undefined> {
  return known(tenure, person, () => true);
}

async function known(
  tenure: TenureClient,
  { user }: Person,
  wanted: (membership: TenureMembership) => boolean,
): Promise<Known | undefined> {
  const found = await tenure.userOf(user.id);
  const membership = found?.memberships.find(
    (item) => item.organizationId === user.organizationId && wanted(item),
  );
  return found === undefined || membership === undefined
    ? undefined
    : { userId: found.id, membershipId: membership.id };
}

function hostPerson({ user }: Person, userId: string): HostPerson {
  return {
    userId,
    organizationId: user.organizationId ?? '',
    name: [user.firstName, user.lastName].join(' '),
    email: user.email ?? '',
  };
}
