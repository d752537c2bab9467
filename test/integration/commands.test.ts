import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Membership } from '../../domain/membership.ts';
import type { Command } from '../../domain/messages.ts';
import { commandNames } from '../../domain/words.ts';
import { applyCommand } from '../../transitions/commands/apply-command.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
const organizationId = workosId('org');

beforeAll(async () => {
  tenure = await openTenure();
  await sandbox(tenure, organizationId);
}, 60_000);

afterAll(async () => tenure.close());

async function arrive() {
  const person = { id: workosId('directory_user'), organizationId, directoryId: 'directory_a' };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { person, _id };
}

async function leaver() {
  const { person, _id } = await arrive();
  await tenure.take(userEvent('deleted', person));
  await drive(tenure, _id, { nowMs: 0 });
  return { person, _id };
}

async function erased(): Promise<string> {
  const { _id } = await leaver();
  await drive(tenure, _id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
  return _id;
}

async function give(
  membershipId: string,
  name: Command['name'],
  message: Command['message'] = {},
  reason: string | null = null,
): Promise<Membership> {
  return applyCommand(
    tenure.store,
    { membershipId, actor: 'admin:test', reason },
    { name, message },
  );
}

async function timeline(membershipId: string): Promise<string[]> {
  const lines = await tenure.store.collections.timeline
    .find({ membershipId })
    .sort({ revision: 1, _id: 1 })
    .toArray();
  return lines.map(({ type }) => type);
}

function refusal(code: string) {
  return { name: 'Refusal', code };
}

const later = '2099-01-01T00:00:00.000Z';

describe('every command', () => {
  it.each(commandNames)('%s is refused with notFound for an unknown membership', async (name) => {
    await expect(give('membership_x', name, { until: later })).rejects.toMatchObject(
      refusal('notFound'),
    );
  });

  it('is refused with erasureStarted after the commit, and changes nothing', async () => {
    const id = await erased();
    const before = await membershipById(tenure, id);
    expect(before.erasure).not.toBeNull();
    for (const name of commandNames) {
      await expect(
        give(id, name, { until: later, toUserId: 'user_x' }, 'because of Ada'),
      ).rejects.toMatchObject(refusal('erasureStarted'));
    }
    expect(await membershipById(tenure, id)).toEqual(before);
    expect(await tenure.store.collections.reasons.countDocuments({ membershipId: id })).toBe(0);
  });

  it('makes the lifecycle look, before joins and updates', async () => {
    const { _id } = await arrive();
    const after = await give(_id, 'disable');
    expect(after.revision).toBeGreaterThan(after.lookedRevision);
    expect(after).toMatchObject({ urgent: true, resting: false });
    expect(after.pendingSince).toBeInstanceOf(Date);
  });

  it('keeps the reason apart from the timeline, which names its id', async () => {
    const { _id } = await arrive();
    await give(_id, 'disable', {}, 'Ada lost her laptop');
    const line = await tenure.store.collections.timeline.findOne({
      membershipId: _id,
      type: 'disabled',
    });
    expect(line?.reasonId).toMatch(/^reason_/);
    expect(JSON.stringify(line)).not.toContain('laptop');
    const reason = await tenure.store.collections.reasons.findOne({ _id: line?.reasonId ?? '' });
    expect(reason).toMatchObject({ text: 'Ada lost her laptop', membershipId: _id });
  });
});

describe('disable and reactivate', () => {
  it('close at once, revoke, and open again through the lifecycle', async () => {
    const { _id } = await arrive();
    const closed = await give(_id, 'disable');
    expect(closed).toMatchObject({
      access: { state: 'closed', reason: 'disabled' },
      status: 'suspended',
      closings: 1,
      revokedClosings: 0,
      generation: 0,
      dueAt: null,
    });
    expect(await drive(tenure, _id)).toMatchObject({ step: { do: 'rest' }, phase: 'settled' });
    const lifted = await give(_id, 'reactivate');
    expect(lifted.access).toEqual({ state: 'closed', reason: 'opening' });
    await drive(tenure, _id);
    expect(await membershipById(tenure, _id)).toMatchObject({
      access: { state: 'open', reason: 'open' },
      revokedClosings: 1,
      disabledAt: null,
    });
  });

  it('given twice close once', async () => {
    const { _id } = await arrive();
    await give(_id, 'disable');
    const twice = await give(_id, 'disable');
    expect(twice.closings).toBe(1);
    expect((await timeline(_id)).filter((type) => type === 'disabled')).toHaveLength(1);
    await give(_id, 'reactivate');
    await give(_id, 'reactivate');
    expect((await timeline(_id)).filter((type) => type === 'reactivated')).toHaveLength(1);
  });

  it('stand against later events of the directory', async () => {
    const { person, _id } = await arrive();
    await give(_id, 'disable');
    await tenure.take(userEvent('updated', { ...person, firstName: 'Augusta' }));
    await tenure.take(userEvent('deleted', person));
    await tenure.take(userEvent('updated', person));
    await drive(tenure, _id);
    expect((await membershipById(tenure, _id)).access).toEqual({
      state: 'closed',
      reason: 'disabled',
    });
  });

  it('do not let anybody in whom the directory removed', async () => {
    const { _id } = await leaver();
    await expect(give(_id, 'reactivate')).rejects.toMatchObject(refusal('directoryInactive'));
    expect((await membershipById(tenure, _id)).access.reason).toBe('notBacked');
  });
});

describe('cancelDeletion and resumeDeletion', () => {
  it('retain, and let the countdown go on to the due time that it had', async () => {
    const { _id } = await leaver();
    const { dueAt } = await membershipById(tenure, _id);
    expect(await give(_id, 'cancelDeletion')).toMatchObject({
      phase: 'retained',
      status: 'disabled',
    });
    expect((await drive(tenure, _id, { nowMs: afterCoolingOff() })).phase).toBe('retained');
    expect(await give(_id, 'resumeDeletion')).toMatchObject({ phase: 'coolingOff', dueAt });
    await drive(tenure, _id, { nowMs: afterCoolingOff() });
    expect((await membershipById(tenure, _id)).outcome).toBe('anonymized');
  });

  it('given twice retain once; a second resumption is refused', async () => {
    const { _id } = await leaver();
    await give(_id, 'cancelDeletion');
    await give(_id, 'cancelDeletion');
    expect((await timeline(_id)).filter((type) => type === 'deletionCancelled')).toHaveLength(1);
    await give(_id, 'resumeDeletion');
    await expect(give(_id, 'resumeDeletion')).rejects.toMatchObject(refusal('notRetained'));
  });

  it('are refused for somebody who did not leave', async () => {
    const { _id } = await arrive();
    await expect(give(_id, 'cancelDeletion')).rejects.toMatchObject(refusal('notLeaving'));
    await expect(give(_id, 'resumeDeletion')).rejects.toMatchObject(refusal('notRetained'));
  });

  it('count for one leaving only', async () => {
    const { person, _id } = await leaver();
    await give(_id, 'cancelDeletion');
    await tenure.take(userEvent('updated', person));
    await drive(tenure, _id);
    await tenure.take(userEvent('deleted', person));
    expect((await drive(tenure, _id, { nowMs: 0 })).phase).toBe('coolingOff');
    await expect(give(_id, 'resumeDeletion')).rejects.toMatchObject(refusal('notRetained'));
  });
});

describe('extendCoolingOff', () => {
  it('makes the cooling-off longer, and nobody is erased before', async () => {
    const { _id } = await leaver();
    const extended = await give(_id, 'extendCoolingOff', { until: later });
    expect(extended.dueAt).toEqual(new Date(later));
    expect((await drive(tenure, _id, { nowMs: Date.parse(later) - 1 })).step).toEqual({
      do: 'coolOff',
      untilMs: Date.parse(later),
    });
    await drive(tenure, _id, { nowMs: Date.parse(later) });
    expect((await membershipById(tenure, _id)).outcome).toBe('anonymized');
  });

  it.each([
    ['the same time', later],
    ['an earlier time', '2098-01-01T00:00:00.000Z'],
    ['no time', 'soon'],
  ])('is refused for %s', async (_what, until) => {
    const { _id } = await leaver();
    await give(_id, 'extendCoolingOff', { until: later });
    await expect(give(_id, 'extendCoolingOff', { until })).rejects.toMatchObject(
      refusal('untilNotLater'),
    );
  });

  it('is refused for somebody who did not leave', async () => {
    const { _id } = await arrive();
    const extension = give(_id, 'extendCoolingOff', { until: later });
    await expect(extension).rejects.toMatchObject(refusal('notLeaving'));
  });
});

describe('reassignOwnership', () => {
  it('asks the lifecycle to hand over to somebody who is in', async () => {
    const recipient = await arrive();
    const { userId } = await membershipById(tenure, recipient._id);
    const { _id } = await leaver();
    const after = await give(_id, 'reassignOwnership', { toUserId: userId, kinds: ['project'] });
    expect(after.reassign).toEqual({
      generation: 1,
      toUserId: userId,
      kinds: ['project'],
      done: false,
    });
    const seen = await drive(tenure, _id, { nowMs: 0, stopAt: 'transfer' });
    expect(seen).toMatchObject({
      step: { do: 'transfer', time: 'reassignment' },
      phase: 'transferring',
    });
    await drive(tenure, _id, { nowMs: 0 });
    expect((await membershipById(tenure, _id)).reassign?.done).toBe(true);
  });

  it('is refused unless the recipient is in, in the same organization, and somebody else', async () => {
    const { _id } = await leaver();
    const { userId } = await membershipById(tenure, _id);
    const gone = await membershipById(tenure, (await leaver())._id);
    const elsewhere = {
      id: workosId('directory_user'),
      organizationId: workosId('org'),
      directoryId: workosId('directory'),
    };
    await tenure.take(userEvent('created', elsewhere));
    const other = await membershipOf(tenure, elsewhere.id);
    await drive(tenure, other._id);
    for (const toUserId of [userId, gone.userId, other.userId, 'user_x', '']) {
      await expect(give(_id, 'reassignOwnership', { toUserId })).rejects.toMatchObject(
        refusal('recipientNotActive'),
      );
    }
  });

  it('is refused for somebody who did not leave', async () => {
    const { _id } = await arrive();
    const recipient = await membershipById(tenure, (await arrive())._id);
    await expect(
      give(_id, 'reassignOwnership', { toUserId: recipient.userId }),
    ).rejects.toMatchObject(refusal('notLeaving'));
  });
});
