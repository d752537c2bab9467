import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { checkAccess } from '../../gate/decide.ts';
import { takeInDirectoryState } from '../../intake/take-in-directory-state.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { announceSwitch } from '../../transitions/organization/announce-switch.ts';
import { endSwitches } from '../../transitions/organization/end-switches.ts';
import { commitErasure } from '../../transitions/erasure/commit-erasure.ts';
import { approveGuard, rejectGuard } from '../../transitions/guards/decide-guard.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { withdrawEmptyGuards } from '../../transitions/guards/withdraw-guards.ts';
import { waitForTeardown } from '../../transitions/guards/wait-for-teardown.ts';
import { watchDirectories } from '../../workers/watch-directories.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
  spread,
} from '../support/by-hand.ts';
import { directoryEvent, laterTime, userEvent, workosId } from '../support/events.ts';
import { poisoned } from '../support/fences.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

/** A company with one activated directory and so many people in it, all of them in. */
async function company(size = 3) {
  const organizationId = workosId('org');
  const directoryId = workosId('directory');
  await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
  await sandbox(tenure, organizationId);
  const people = [];
  for (let nth = 0; nth < size; nth += 1) people.push(await join(organizationId, directoryId));
  return { organizationId, directoryId, people };
}

async function join(organizationId: string, directoryId: string, more: object = {}) {
  const person = { id: workosId('directory_user'), organizationId, directoryId, ...more };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { ...person, membershipId: _id };
}

async function access(membershipId: string): Promise<string> {
  return (await membershipById(tenure, membershipId)).access.reason;
}

async function guardsOf(organizationId: string) {
  return tenure.store.collections.guards.find({ organizationId }).toArray();
}

const word = (guardId: string) => ({ guardId, by: 'admin:ada', reason: null });

/** Brings what was decided on an organization's guards to its people. */
async function spreadDecisions(): Promise<void> {
  while (await spreadGuards(tenure.store, tenure));
  await spread(tenure);
}

/** As if every transaction that the guards wait for had ended. */
async function letGuardsSettle(organizationId: string): Promise<void> {
  const { guards, organizations } = tenure.store.collections;
  const longAgo = new Date(Date.now() - 60_000);
  await guards.updateMany({ organizationId }, { $set: { spreadSince: longAgo } });
  await organizations.updateOne({ _id: organizationId }, { $set: { revisedAt: longAgo } });
  await spread(tenure);
  await spreadDecisions();
}

async function directory(id: string) {
  return tenure.store.collections.directories.findOne({ _id: id });
}

describe('a deleted directory', () => {
  it('locks out everybody in it, who then wait at a guard of its own whatever their number', async () => {
    const { organizationId, directoryId, people } = await company();
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    const [guard] = await guardsOf(organizationId);
    expect(guard).toMatchObject({ kind: 'teardown', directoryId, state: 'open' });
    for (const { membershipId } of people) {
      const seen = await drive(tenure, membershipId);
      expect(seen).toMatchObject({ phase: 'blocked', blockedBy: [{ code: 'guard' }] });
      const membership = await membershipById(tenure, membershipId);
      expect(membership).toMatchObject({
        access: { reason: 'notBacked' },
        guard: { state: 'waits', id: guard!._id },
        generation: 1,
      });
      expect(membership.revokedClosings).toBe(membership.closings);
    }
  });

  it('keeps in whoever another directory still backs', async () => {
    const { organizationId, directoryId, people } = await company(1);
    const [one] = people;
    const record = { id: workosId('directory_user'), organizationId, directoryId: 'x' };
    const other = workosId('directory');
    const email = `${one!.id}@example.com`;
    await tenure.take(userEvent('created', { ...record, directoryId: other, email }));
    expect((await membershipOf(tenure, record.id))._id).toBe(one!.membershipId);
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    expect(await access(one!.membershipId)).toBe('open');
  });

  it('lets nobody in by a word that comes late', async () => {
    const { organizationId, directoryId, people } = await company(1);
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    // Before the deletion was spread: judged by the newest facts, and guarded like the others.
    await tenure.take(userEvent('updated', { ...people[0]!, firstName: 'Late' }));
    const membership = await membershipById(tenure, people[0]!.membershipId);
    expect(membership).toMatchObject({
      access: { reason: 'notBacked' },
      guard: { state: 'waits' },
    });
    const stranger = { id: workosId('directory_user'), organizationId, directoryId };
    await tenure.take(userEvent('created', stranger));
    await expect(membershipOf(tenure, stranger.id)).rejects.toThrow('has no membership');
  });

  it('reaches somebody whose joining committed while the deletion was being spread', async () => {
    const { organizationId, directoryId } = await company(1);
    const late = { id: workosId('directory_user'), organizationId, directoryId };
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { applyUser } = await import('../../intake/apply-user.ts');
    const { parseEvent } = await import('../../intake/parse-event.ts');
    const parsed = parseEvent(userEvent('created', late));
    if (parsed.kind !== 'user') throw new Error('not a user');
    const { telling } = parsed;
    // The joining has read the directory as active, and commits only after the deletion was spread.
    const joining = inTransaction(tenure.store, async (tx) => {
      await applyUser(tx, telling, tenure.intake, new Date());
      await held;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    const organization = await tenure.store.collections.organizations.findOne({
      _id: organizationId,
    });
    // Too early to call it done: this very transaction may still be under way.
    expect(organization?.spreading).toBe(true);
    release();
    await joining;
    await spread(tenure);
    const { _id } = await membershipOf(tenure, late.id);
    expect(await access(_id)).toBe('notBacked');
  });

  it('takes its people back when it is activated again', async () => {
    const { organizationId, directoryId, people } = await company(1);
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    expect(await access(people[0]!.membershipId)).toBe('notBacked');
    await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
    await spread(tenure);
    await drive(tenure, people[0]!.membershipId);
    expect(await access(people[0]!.membershipId)).toBe('open');
  });

  it('is not brought back by an older activation that comes after it', async () => {
    const { organizationId, directoryId, people } = await company(1);
    const before = laterTime();
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }, before));
    await spread(tenure);
    expect(await access(people[0]!.membershipId)).toBe('notBacked');
  });

  it.each([
    ['an activation', 'activated', 'open'],
    ['the deletion', 'deleted', 'notBacked'],
  ] as const)(
    'of two events of one millisecond is as the later id says: %s',
    async (_what, type, reason) => {
      const { organizationId, directoryId, people } = await company(1);
      const [earlier, later] = [workosId('event'), workosId('event')].toSorted();
      const of = { id: directoryId, organizationId };
      const at = laterTime();
      const other = type === 'deleted' ? 'activated' : 'deleted';
      await tenure.take({ ...directoryEvent(type, of, at), id: later! });
      const late = await tenure.take({ ...directoryEvent(other, of, at), id: earlier! });
      expect(late).toMatchObject({ outcome: 'stale' });
      await spread(tenure);
      expect(await access(people[0]!.membershipId)).toBe(reason);
    },
  );
});

describe('the state of a directory', () => {
  it.each(['invalid_credentials', 'validating', 'missing', 'deleting'] as const)(
    'that is %s alerts once, and changes nothing for its people',
    async (state) => {
      const { organizationId, directoryId, people } = await company(1);
      expect(await takeInDirectoryState(tenure.store, directoryId, state, new Date())).toBe(state);
      expect(await takeInDirectoryState(tenure.store, directoryId, state, new Date())).toBeNull();
      await spread(tenure);
      expect(await access(people[0]!.membershipId)).toBe('open');
      expect(await guardsOf(organizationId)).toEqual([]);
      const notices = await tenure.store.collections.notices
        .find({ organizationId, code: 'directoryState' })
        .toArray();
      expect(notices).toMatchObject([{ directoryId, subjectId: state }]);
    },
  );

  it('that is unlinked takes the guarded path, and linked again it brings everybody back', async () => {
    const { organizationId, directoryId, people } = await company(1);
    await takeInDirectoryState(tenure.store, directoryId, 'unlinked', new Date());
    await spread(tenure);
    expect(await access(people[0]!.membershipId)).toBe('notBacked');
    expect(await guardsOf(organizationId)).toMatchObject([{ kind: 'teardown', directoryId }]);
    await takeInDirectoryState(tenure.store, directoryId, 'linked', new Date());
    await spread(tenure);
    await drive(tenure, people[0]!.membershipId);
    expect(await access(people[0]!.membershipId)).toBe('open');
    expect((await directory(directoryId))?.reconcileWantedAt).toBeInstanceOf(Date);
  });

  it('that was unlinked is not linked again by an activation from before that', async () => {
    const { organizationId, directoryId, people } = await company(1);
    const { directories } = tenure.store.collections;
    // Nothing had told of the directory itself when its people came.
    await directories.updateOne({ _id: directoryId }, { $set: { eventAtMs: 0 } });
    const before = new Date(Date.now() - 60_000).toISOString();
    await takeInDirectoryState(tenure.store, directoryId, 'unlinked', new Date());
    await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }, before));
    await spread(tenure);
    expect(await directory(directoryId)).toMatchObject({ state: 'unlinked' });
    expect(await access(people[0]!.membershipId)).toBe('notBacked');
  });

  it('as answered before an event does not undo the event', async () => {
    const { directoryId } = await company(0);
    const askedAt = new Date(Date.now() - 60_000);
    expect(await takeInDirectoryState(tenure.store, directoryId, 'unlinked', askedAt)).toBeNull();
    expect((await directory(directoryId))?.state).toBe('active');
  });

  it('is asked for once in a while, and an unclear answer says nothing', async () => {
    const { directoryId } = await company(0);
    const asked: string[] = [];
    const changes: string[] = [];
    const options = {
      store: tenure.store,
      ask: async (id: string) => {
        asked.push(id);
        return id === directoryId ? ('invalid_credentials' as const) : ('uncertain' as const);
      },
      everyMs: 60_000,
      onChange: (id: string, state: string) => changes.push(`${id} ${state}`),
    };
    while (await watchDirectories(options));
    expect(asked.filter((id) => id === directoryId)).toHaveLength(1);
    expect(new Set(asked).size).toBe(asked.length);
    expect(changes).toEqual([`${directoryId} invalid_credentials`]);
  });
});

describe('an announced switch of provider', () => {
  const soon = (): Date => new Date(Date.now() + 3_600_000);

  it('keeps everybody in while the old directory is gone, and finds them again in the new one', async () => {
    const { organizationId, directoryId, people } = await company(2);
    const [found, lost] = people;
    const by = { by: 'admin:a', reason: 'Okta to Entra' };
    await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    for (const { membershipId } of people) expect(await access(membershipId)).toBe('open');
    expect(await guardsOf(organizationId)).toEqual([]);

    const next = workosId('directory');
    await tenure.take(directoryEvent('activated', { id: next, organizationId }));
    const again = await join(organizationId, next, { email: `${found!.id}@example.com` });
    expect(again.membershipId).toBe(found!.membershipId);

    const over = new Date(Date.now() + 7_200_000);
    expect(await endSwitches(tenure.store, over)).toBeGreaterThan(0);
    await spread(tenure);
    expect(await access(found!.membershipId)).toBe('open');
    expect(await access(lost!.membershipId)).toBe('notBacked');
    expect((await membershipById(tenure, lost!.membershipId)).guard).toMatchObject({
      state: 'waits',
    });
  });

  it('ends for every other organization where one cannot be done', async () => {
    const [stuck, other] = [await company(0), await company(0)];
    const by = { by: 'admin:a', reason: null };
    const [sooner, later] = [soon(), new Date(Date.now() + 3_660_000)];
    await announceSwitch(tenure.store, stuck.organizationId, { until: sooner, ...by });
    await announceSwitch(tenure.store, other.organizationId, { until: later, ...by });
    const over = new Date(Date.now() + 7_200_000);
    const store = poisoned(tenure.store, stuck.organizationId);
    await expect(endSwitches(store, over)).rejects.toThrow('1 failed.');
    const { organizations } = tenure.store.collections;
    const untilOf = async (_id: string) => (await organizations.findOne({ _id }))?.switchUntil;
    expect(await untilOf(other.organizationId)).toBeNull();
    expect(await untilOf(stuck.organizationId)).toEqual(sooner);
    expect(await endSwitches(tenure.store, over)).toBe(1);
  });

  it.each([
    ['approved', 'deleted'],
    ['approved', 'unlinked'],
    ['approved', 'unlinked, then deleted'],
    ['rejected', 'deleted'],
  ] as const)(
    'does not bring back whose leaving was %s before, where their directory was %s',
    async (decision, how) => {
      const { organizationId, directoryId, people } = await company(1);
      const [{ membershipId } = { membershipId: '' }] = people;
      const deletion = directoryEvent('deleted', { id: directoryId, organizationId });
      if (how === 'deleted') await tenure.take(deletion);
      else await takeInDirectoryState(tenure.store, directoryId, 'unlinked', new Date());
      await spread(tenure);
      const [guard] = await guardsOf(organizationId);
      if (decision === 'rejected') await rejectGuard(tenure.store, word(guard!._id));
      else await approveGuard(tenure.store, { ...word(guard!._id), admins: 1 });
      await spreadDecisions();
      if (how === 'unlinked, then deleted') {
        await tenure.take(deletion);
        // Somebody who had left before comes to the last look: a guard over the deletion is opened.
        await waitForTeardown(
          tenure.store,
          { ...(await membershipById(tenure, membershipId)), _id: workosId('membership') },
          directoryId,
        );
      }
      const open = (await guardsOf(organizationId)).filter(({ state }) => state === 'open');
      expect(open).toHaveLength(how === 'unlinked, then deleted' ? 1 : 0);

      const by = { by: 'admin:a', reason: null };
      await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
      await spread(tenure);
      expect(await membershipById(tenure, membershipId)).toMatchObject({
        access: { reason: 'notBacked' },
        backed: false,
        guard: { state: decision, id: guard!._id },
      });
    },
  );

  it('brings back whose leaving still waits, for the whole window, and again when it is announced anew', async () => {
    const { organizationId, directoryId, people } = await company(1);
    const [{ membershipId } = { membershipId: '' }] = people;
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    expect((await membershipById(tenure, membershipId)).guard).toMatchObject({ state: 'waits' });
    const by = { by: 'admin:a', reason: null };
    await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
    await spread(tenure);
    await drive(tenure, membershipId);
    expect(await access(membershipId)).toBe('open');

    // Nobody waits at its guard any more, which ends; the window, and a longer one, go on.
    await letGuardsSettle(organizationId);
    await withdrawEmptyGuards(tenure.store);
    expect((await guardsOf(organizationId)).filter(({ state }) => state === 'open')).toEqual([]);
    await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
    await spread(tenure);
    await tenure.take(userEvent('updated', { ...people[0]!, firstName: 'Still' }));
    expect(await access(membershipId)).toBe('open');

    await announceSwitch(tenure.store, organizationId, { until: null, ...by });
    await spread(tenure);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      access: { reason: 'notBacked' },
      guard: { state: 'waits' },
    });
    await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
    await spread(tenure);
    await drive(tenure, membershipId);
    expect(await access(membershipId)).toBe('open');
  });

  it('holds up no move of a directory to another organization', async () => {
    const { organizationId, directoryId, people } = await company(1);
    const by = { by: 'admin:a', reason: null };
    await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
    const elsewhere = { id: directoryId, organizationId: workosId('org') };
    await tenure.take(directoryEvent('activated', elsewhere));
    await spread(tenure);
    expect(await membershipById(tenure, people[0]!.membershipId)).toMatchObject({
      access: { reason: 'notBacked' },
      guard: { state: 'waits' },
    });
  });

  it('is looked for by an index', async () => {
    const { organizations } = tenure.store.collections;
    const over = { switchUntil: { $type: 'date' as const, $lte: new Date() } };
    const plan = JSON.stringify(await organizations.find(over).explain('queryPlanner'));
    expect(plan).toContain('"indexName":"switching"');
    expect(plan).not.toContain('COLLSCAN');
  });

  it('lets somebody go whom the directory itself removes meanwhile', async () => {
    const { organizationId, people } = await company(1);
    const until = soon();
    await announceSwitch(tenure.store, organizationId, { until, by: 'admin:a', reason: null });
    await tenure.take(userEvent('deleted', people[0]!));
    expect(await access(people[0]!.membershipId)).toBe('notBacked');
  });

  it('ends at once where an admin says so', async () => {
    const { organizationId, directoryId, people } = await company(1);
    const by = { by: 'admin:a', reason: null };
    await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await announceSwitch(tenure.store, organizationId, { until: null, ...by });
    await spread(tenure);
    expect(await access(people[0]!.membershipId)).toBe('notBacked');
    expect(await guardsOf(organizationId)).toMatchObject([{ kind: 'teardown' }]);
  });

  it.each(['a word about somebody', 'an admin'] as const)(
    'whose time has passed ends under a guard also where %s is faster than the clock',
    async (first) => {
      const { organizationId, directoryId, people } = await company(1);
      const by = { by: 'admin:a', reason: null };
      await announceSwitch(tenure.store, organizationId, { until: soon(), ...by });
      await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
      await spread(tenure);
      await tenure.store.collections.organizations.updateOne(
        { _id: organizationId },
        { $set: { switchUntil: new Date(Date.now() - 1000) } },
      );
      if (first === 'an admin') {
        await announceSwitch(tenure.store, organizationId, { until: null, ...by });
      } else {
        await tenure.take(userEvent('updated', { ...people[0]!, firstName: 'Late' }));
      }
      await endSwitches(tenure.store, new Date());
      await spread(tenure);
      expect(await membershipById(tenure, people[0]!.membershipId)).toMatchObject({
        access: { reason: 'notBacked' },
        guard: { state: 'waits' },
      });
    },
  );

  it.each([
    ['in the past', -1000, 'switchInThePast'],
    ['longer than a month', 40 * 86_400_000, 'switchTooLong'],
  ])('is refused where its end is %s', async (_what, ms, code) => {
    const { organizationId } = await company(0);
    const until = new Date(Date.now() + ms);
    await expect(
      announceSwitch(tenure.store, organizationId, { until, by: 'admin:a', reason: null }),
    ).rejects.toMatchObject({ code });
  });
});

describe('a deleted organization', () => {
  function deleted(organizationId: string) {
    return {
      id: workosId('event'),
      event: 'organization.deleted',
      created_at: laterTime(),
      data: { object: 'organization', id: organizationId, name: 'Acme', domains: [] },
    };
  }

  it('locks out everybody, also who is in no directory, and waits at one guard', async () => {
    const { organizationId, people } = await company(1);
    await tenure.store.collections.organizations.updateOne(
      { _id: organizationId },
      { $set: { directorySync: 'syncing' } },
    );
    const imported = await importUser(
      tenure.store,
      {
        id: workosId('host_user'),
        organizationId,
        email: null,
        username: null,
        name: 'Grace Hopper',
        roles: [],
        status: 'active',
      },
      'import',
    );
    await tenure.take(deleted(organizationId));
    await spread(tenure);
    for (const id of [people[0]!.membershipId, imported.membershipId]) {
      expect(await membershipById(tenure, id)).toMatchObject({
        access: { reason: 'notBacked' },
        guard: { state: 'waits' },
      });
    }
    expect(await guardsOf(organizationId)).toHaveLength(1);
  });

  it('is one again where that is rejected, with whom its directory still knows', async () => {
    const { organizationId, people } = await company(1);
    const [{ membershipId } = { membershipId: '' }] = people;
    await tenure.take(deleted(organizationId));
    await spread(tenure);
    const [guard] = await guardsOf(organizationId);
    await rejectGuard(tenure.store, word(guard!._id));
    await spreadDecisions();
    await drive(tenure, membershipId);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      access: { reason: 'open' },
      backed: true,
    });
    const { organizations } = tenure.store.collections;
    expect(await organizations.findOne({ _id: organizationId })).toMatchObject({ deletedAt: null });
    // Whoever comes now comes in, and a second deletion is one.
    await tenure.take(deleted(organizationId));
    await spread(tenure);
    expect(await access(membershipId)).toBe('notBacked');
  });

  it('stays deleted where a guard over something else is rejected', async () => {
    const { organizationId, directoryId, people } = await company(1);
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    const [ofDirectory] = await guardsOf(organizationId);
    await tenure.take(deleted(organizationId));
    await rejectGuard(tenure.store, word(ofDirectory!._id));
    await spreadDecisions();
    const { organizations } = tenure.store.collections;
    const known = await organizations.findOne({ _id: organizationId });
    expect(known?.deletedAt).toBeInstanceOf(Date);
    expect(await access(people[0]!.membershipId)).toBe('notBacked');
  });

  it('that is unknown makes nothing', async () => {
    const organizationId = workosId('org');
    const taken = await tenure.take(deleted(organizationId));
    expect(taken).toMatchObject({ outcome: 'recorded', duplicate: false });
    const { organizations } = tenure.store.collections;
    expect(await organizations.findOne({ _id: organizationId })).toBeNull();
  });
});

describe('a directory that moves to another organization', () => {
  it('closes its people there under a guard and backs the same users here', async () => {
    const there = await company(2);
    const organizationId = workosId('org');
    await tenure.take(directoryEvent('activated', { id: there.directoryId, organizationId }));
    await spread(tenure);
    for (const person of there.people) {
      const before = await membershipById(tenure, person.membershipId);
      expect(before).toMatchObject({
        organizationId: there.organizationId,
        access: { reason: 'notBacked' },
        guard: { state: 'waits' },
      });
      const now = await membershipOf(tenure, person.id);
      expect(now).toMatchObject({ organizationId, userId: before.userId });
      await drive(tenure, now._id);
      const check = { organizationId, directoryUserId: person.id };
      expect(await checkAccess(tenure.store.db, check)).toMatchObject({ allowed: true });
    }
    expect(await guardsOf(there.organizationId)).toHaveLength(1);
    expect(await guardsOf(organizationId)).toHaveLength(0);
  });

  it('moved back finds the first membership of the same user again', async () => {
    const there = await company(1);
    const [person] = there.people;
    const elsewhere = { id: there.directoryId, organizationId: workosId('org') };
    await tenure.take(directoryEvent('activated', elsewhere));
    await spread(tenure);
    await tenure.take(
      directoryEvent('activated', {
        id: there.directoryId,
        organizationId: there.organizationId,
      }),
    );
    await spread(tenure);
    const now = await membershipOf(tenure, person!.id);
    expect(now._id).toBe(person!.membershipId);
    await drive(tenure, now._id);
    expect(await access(now._id)).toBe('open');
  });
});

describe('somebody who is due while their directory comes back', () => {
  it('is let in, although the spreading has not reached them, and not erased', async () => {
    const { organizationId, directoryId, people } = await company(1);
    const [{ membershipId } = { membershipId: '' }] = people;
    await tenure.take(directoryEvent('deleted', { id: directoryId, organizationId }));
    await spread(tenure);
    const { memberships } = tenure.store.collections;
    await memberships.updateOne({ _id: membershipId }, { $set: { 'guard.state': 'approved' } });
    const nowMs = afterCoolingOff();
    const due = await drive(tenure, membershipId, { nowMs, stopAt: 'commit' });
    expect(due.step.do).toBe('commit');
    await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
    const { revision, generation } = due;
    const request = { membershipId, revision, generation, nowMs };
    expect(await commitErasure(tenure.store, tenure.file, request)).toBe(false);
    expect(await membershipById(tenure, membershipId)).toMatchObject({
      backed: true,
      erasure: null,
    });
    await drive(tenure, membershipId, { nowMs });
    expect(await access(membershipId)).toBe('open');
  });
});

describe('spreading', () => {
  const rules = () => ({ file: tenure.file, newUserId: () => workosId('user') });

  it('reaches everybody else where one person cannot be judged, and says so', async () => {
    const [first, second] = [await company(1), await company(1)];
    const { memberships } = tenure.store.collections;
    const broken = { _id: first.people[0]!.membershipId };
    const { roles } = await membershipById(tenure, broken._id);
    await memberships.updateOne(broken, { $unset: { roles: '' } });
    await sandbox(tenure, first.organizationId, { remindDays: 3 });
    await sandbox(tenure, second.organizationId, { remindDays: 3 });
    await expect(spreadFacts(tenure.store, rules())).rejects.toMatchObject({
      errors: [expect.any(TypeError)],
    });
    await memberships.updateOne(broken, { $set: { roles } });
    const [judged] = second.people;
    const { factsRevision } = await membershipById(tenure, judged!.membershipId);
    const { organizations } = tenure.store.collections;
    expect(factsRevision).toBe(
      (await organizations.findOne({ _id: second.organizationId }))?.revision,
    );
  });

  it('does not forget the people of a directory that moves here while it comes to its end', async () => {
    const [there, here] = [await company(1), await company(0)];
    const { organizations, directories } = tenure.store.collections;
    const { organizationId } = here;
    await organizations.updateOne({ _id: organizationId }, { $set: { revisedAt: new Date(0) } });
    let moves = 0;
    /** The directory moves right after nobody was found to come. */
    const find = (filter: object, ...more: object[]) => {
      const found = directories.find(filter, ...more);
      const isAsked = 'organizationId' in filter && filter.organizationId === organizationId;
      if (!isAsked || moves > 0) return found;
      const read = found.toArray.bind(found);
      found.toArray = async () => {
        const known = await read();
        moves += 1;
        const { directoryId: id } = there;
        await tenure.take(directoryEvent('activated', { id, organizationId }));
        return known;
      };
      return found;
    };
    const racing = new Proxy(directories, {
      get(target, name) {
        if (name === 'find') return find;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const collections = { ...tenure.store.collections, directories: racing };
    await spreadFacts({ ...tenure.store, collections }, rules());
    expect(moves).toBe(1);
    await spread(tenure);
    expect(await membershipOf(tenure, there.people[0]!.id)).toMatchObject({ organizationId });
  });

  it('goes on in another process where the first one stopped, and judges settled people without waking them', async () => {
    const { organizationId, people } = await company(3);
    await sandbox(tenure, organizationId, { remindDays: 3 });
    await spreadFacts(tenure.store, { file: tenure.file, newUserId: () => workosId('user') });
    for (const { membershipId } of people) {
      const membership = await membershipById(tenure, membershipId);
      expect(membership.factsRevision).toBeGreaterThan(0);
      expect(membership.lookedRevision).toBe(membership.revision);
    }
  });
});
