import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { resolveLinkRequest } from '../../transitions/links/resolve-link-request.ts';
import { laterTime, userEvent, workosId } from '../support/events.ts';
import { startTenure, type RunningTenure } from '../support/tenure.ts';

async function eventually<T>(look: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('Waited in vain.');
}

describe('the lifecycle', () => {
  let tenure: RunningTenure;

  beforeAll(async () => {
    tenure = await startTenure();
  }, 120_000);

  afterAll(async () => tenure.close(), 60_000);

  function person(organizationId = workosId('org')) {
    return {
      id: workosId('directory_user'),
      organizationId,
      directoryId: `directory_${organizationId}`,
      email: `${workosId('mail')}@example.com`,
    };
  }

  it('runs a whole tenure: provisions, opens, revokes, transfers, cools off, anonymizes', async () => {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 2);
    await tenure.deliver(userEvent('created', ada));
    const open = await tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
    expect(open.phase).toBe('settled');
    expect(
      await tenure.hostDb.collection<{ _id: string }>('users').findOne({ _id: open.userId }),
    ).toMatchObject({
      email: ada.email,
      name: 'Ada Lovelace',
      status: 'active',
    });
    await tenure.hostDb
      .collection('sessions')
      .insertMany(
        [1, 2, 3].map(() => ({ userId: open.userId, organizationId: ada.organizationId })),
      );
    await tenure.hostDb.collection('projects').insertOne({
      ownerId: open.userId,
      createdBy: open.userId,
      organizationId: ada.organizationId,
    });
    await tenure.hostDb.collection('comments').insertOne({
      authorId: open.userId,
      organizationId: ada.organizationId,
      authorName: 'Ada Lovelace',
      authorEmail: ada.email,
      ip: '10.0.0.1',
      body: 'hello',
    });

    await tenure.deliver(userEvent('deleted', ada));
    const left = await tenure.until(ada.id, (m) => m.access.reason === 'notBacked');
    expect(left.generation).toBe(1);
    const cooling = await tenure.until(ada.id, (m) => m.phase === 'coolingOff');
    expect(cooling.status).toBe('disabled');
    expect(await tenure.hostDb.collection('sessions').countDocuments()).toBe(0);
    expect(await tenure.hostDb.collection('projects').findOne()).toMatchObject({
      ownerId: `org:${ada.organizationId}`,
      createdBy: open.userId,
    });

    const gone = await tenure.untilMembership(
      open._id,
      (m) => m.phase === 'anonymized' && m.resting,
    );
    expect(gone.outcome).toBe('anonymized');
    const comment = await tenure.hostDb.collection('comments').findOne();
    expect(comment).toMatchObject({ authorName: gone.erasure?.pseudonym, body: 'hello' });
    expect(comment).not.toHaveProperty('ip');
    const user = await tenure.store.collections.users.findOne({ _id: open.userId });
    expect(user).toMatchObject({ profile: null, emailKey: null, emailHistory: [] });

    await tenure.deliver(userEvent('created', { ...ada, idpId: `idp-${ada.id}` }, laterTime()));
    const anew = await tenure.until(ada.id, (m) => m.access.state === 'open');
    expect(anew.userId).not.toBe(open.userId);
  });

  it('forgets somebody whom an attribute of the policy has leaving, though WorkOS calls them active', async () => {
    const ada = person();
    await tenure.sandbox(ada.organizationId, 1, {
      leavingAttributes: [{ attribute: 'employment_status', values: ['terminated'] }],
    });
    await tenure.deliver(userEvent('created', ada));
    await tenure.until(ada.id, (m) => m.access.state === 'open');
    const gone = { ...ada, customAttributes: { employment_status: 'terminated' } };
    const ask = tenure.lookup.directoryUser.bind(tenure.lookup);
    const { data } = userEvent('updated', gone);
    tenure.lookup.directoryUser = async (id) =>
      id === ada.id ? { answer: 'found', data } : ask(id);
    await tenure.deliver(userEvent('updated', gone));
    const left = await tenure.until(ada.id, (m) => m.access.reason === 'notBacked');
    const erased = await tenure.untilMembership(left._id, (m) => m.phase === 'anonymized');
    expect(erased.outcome).toBe('anonymized');
    tenure.lookup.directoryUser = ask;
  });

  it('forgets a leaver whose profile the host refuses, and lets nobody in; an admin is told once', async () => {
    const users = tenure.hostDb.collection('users');
    const index = await users.createIndex({ email: 1 }, { unique: true });
    const [leaver, newcomer] = [person(), person()];
    for (const { organizationId } of [leaver, newcomer]) await tenure.sandbox(organizationId, 1);
    await tenure.deliver(userEvent('created', leaver));
    await tenure.until(leaver.id, (m) => m.access.state === 'open');
    for (const { id, email } of [leaver, newcomer]) {
      await users.updateOne({ email }, { $set: { email: `not-${id}` } });
      await users.insertOne({ email });
    }
    const noticesAbout = async (subjectId: string) =>
      tenure.store.collections.notices.countDocuments({ code: 'hostRefused', subjectId });

    await tenure.deliver(userEvent('created', newcomer));
    await tenure.deliver(userEvent('updated', { ...leaver, state: 'inactive' }));
    const left = await tenure.until(leaver.id, (m) => m.generation === 1);
    await tenure.untilMembership(left._id, (m) => m.phase === 'anonymized');
    expect(await noticesAbout(left._id)).toBe(1);

    const { organizationId } = newcomer;
    const asked = await eventually(async () =>
      tenure.store.collections.linkRequests.findOne({ organizationId, resolution: null }),
    );
    expect(asked.cause).toBe('hostRefused');
    expect(await tenure.store.collections.memberships.countDocuments({ organizationId })).toBe(0);
    await users.deleteOne({ email: newcomer.email });
    await resolveLinkRequest(
      tenure.store,
      {
        requestId: asked._id,
        actor: 'admin:ada',
        reason: null,
        decision: { action: 'separate' },
      },
      { file: tenure.file, newUserId: tenure.intake.newUserId },
    );
    await tenure.until(newcomer.id, (m) => m.access.state === 'open');
    await users.dropIndex(index);
  });

  it('shows in Temporal where a lifecycle ended', async () => {
    const ada = person();
    await tenure.deliver(userEvent('created', ada));
    const { _id } = await tenure.until(ada.id, (m) => m.access.state === 'open' && m.resting);
    const handle = tenure.client.workflow.getHandle(`user-lifecycle/${_id}`);
    await handle.result();
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes['TenurePhase']).toEqual(['settled']);
    expect(searchAttributes['TenureOrganizationId']).toEqual([ada.organizationId]);
    // Nothing is due and nothing stands in the way: an empty text or the year 1970 would say otherwise.
    expect(searchAttributes).not.toHaveProperty('TenureDueAt');
    expect(searchAttributes).not.toHaveProperty('TenureBlockedBy');
  });
});
