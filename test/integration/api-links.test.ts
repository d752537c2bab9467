import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { aPerson, startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
}, 60_000);

afterAll(async () => api.close());

let nth = 0;

/** Two imported people with one address, and a directory user who may be either. */
async function inDoubt() {
  nth += 1;
  const organizationId = `org_links_${nth}`;
  const email = `shared${nth}@example.com`;
  const users = ['one', 'two'].map((name) => ({ id: `${name}_${nth}`, email, organizationId }));
  await api.call('POST', '/v1/users', { body: { users } });
  const person = aPerson({ organizationId, email });
  await api.deliver(person.event('created'));
  const { json } = await api.call('GET', `/v1/link-requests?organizationId=${organizationId}`);
  const path = `/v1/link-requests/${json.data[0].id}/resolve`;
  return { organizationId, email, person, path, request: json.data[0], one: `one_${nth}` };
}

async function quarantined(data: Record<string, unknown> = { custom_attributes: [] }) {
  const event = aPerson().event('updated', data);
  await api.deliver(event);
  return { event, path: `/v1/quarantine/${event.id}` };
}

describe('POST /v1/link-requests/{id}/resolve', () => {
  it('links, shows who decided and why, and signals the membership at once', async () => {
    const { path, one, person, request } = await inDoubt();
    expect(request).toMatchObject({ cause: 'several', resolution: null, reason: null });
    const body = { action: 'link', userId: one, reason: 'they told me' };
    const answer = await api.call('POST', path, { body });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      resolution: 'link',
      userId: one,
      resolvedBy: 'admin:ada',
      reason: 'they told me',
    });
    expect(api.signalled.at(-1)?.membershipId).toBe(answer.json.membershipId);
    const found = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
    expect(found.json.data).toMatchObject([{ id: one }]);
  });

  it('makes a user of their own, or nobody', async () => {
    const apart = await inDoubt();
    const made = await api.call('POST', apart.path, { body: { action: 'separate' } });
    expect(made.json).toMatchObject({ resolution: 'separate', userId: expect.any(String) });
    const ignored = await inDoubt();
    const nobody = await api.call('POST', ignored.path, { body: { action: 'ignore' } });
    expect(nobody.json).toMatchObject({
      resolution: 'ignore',
      userId: null,
      membershipId: null,
    });
    const check = await api.call('POST', '/v1/access-checks', {
      body: {
        organizationId: ignored.organizationId,
        action: 'login',
        directoryUserId: ignored.person.id,
      },
    });
    expect(check.json).toMatchObject({ allowed: false, reason: 'unknown' });
  });

  it('answers 409 the second time, and where the person left meanwhile', async () => {
    const { path } = await inDoubt();
    await api.call('POST', path, { body: { action: 'ignore' } });
    const twice = await api.call('POST', path, { body: { action: 'separate' } });
    expect([twice.status, twice.json.code]).toEqual([409, 'alreadyResolved']);
    const gone = await inDoubt();
    await api.deliver(gone.person.event('deleted'));
    const late = await api.call('POST', gone.path, { body: { action: 'separate' } });
    expect([late.status, late.json.code]).toEqual([409, 'requestWithdrawn']);
  });

  it.each([
    [{ action: 'link', userId: 'somebody_else' }, 409, 'notEligible'],
    [{ action: 'link' }, 422, 'invalid'],
    [{ action: 'merge' }, 422, 'invalid'],
    [{ action: 'separate', userId: 'one' }, 422, 'invalid'],
    [{}, 422, 'invalid'],
  ])('refuses %j with %i %s, and goes on waiting', async (body, status, code) => {
    const { path, organizationId } = await inDoubt();
    const answer = await api.call('POST', path, { body });
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    const { json } = await api.call(
      'GET',
      `/v1/link-requests?organizationId=${organizationId}&state=open`,
    );
    expect(json.data).toHaveLength(1);
  });

  it('is not found for an unknown request', async () => {
    const answer = await api.call('POST', '/v1/link-requests/none/resolve', {
      body: { action: 'ignore' },
    });
    expect([answer.status, answer.json.code]).toEqual([404, 'notFound']);
  });
});

describe('POST /v1/memberships/{id}/unlink', () => {
  it('restores the membership, makes the directory user somebody else, and signals both', async () => {
    nth += 1;
    const organizationId = `org_links_${nth}`;
    const email = `only${nth}@example.com`;
    const user = { id: `only_${nth}`, email, organizationId };
    await api.call('POST', '/v1/users', { body: { users: [user] } });
    const person = aPerson({ organizationId, email });
    await api.deliver(person.event('created'));
    const linked = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
    expect(linked.json.data[0].id).toBe(user.id);
    const membershipId = linked.json.data[0].memberships[0].id;
    const answer = await api.call('POST', `/v1/memberships/${membershipId}/unlink`, {
      body: { directoryUserId: person.id, reason: 'a namesake' },
    });
    expect(answer.json).toMatchObject({ id: membershipId, generation: 0, directoryUsers: [] });
    const apart = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
    expect(apart.json.data[0].id).not.toBe(user.id);
    const both = [membershipId, apart.json.data[0].memberships[0].id];
    expect(api.signalled.slice(-2).map((one) => one.membershipId)).toEqual(both);
    const again = await api.call('POST', `/v1/memberships/${membershipId}/unlink`, {
      body: { directoryUserId: person.id },
    });
    expect([again.status, again.json.code]).toEqual([409, 'notLinked']);
    const timeline = await api.call('GET', `/v1/memberships/${membershipId}/timeline?limit=100`);
    expect(timeline.json.data).toContainEqual(
      expect.objectContaining({ type: 'unlinked', actor: 'admin:ada', reason: 'a namesake' }),
    );
  });
});

describe('the quarantine', () => {
  it('names the repair of each problem, and never a value', async () => {
    const { event } = await quarantined({ directory_id: 'a secret with blanks' });
    const { json, text } = await api.call('GET', '/v1/quarantine?limit=1');
    expect(json.data[0]).toMatchObject({
      id: event.id,
      outcome: 'quarantined',
      problems: [
        {
          path: 'data.directory_id',
          code: expect.any(String),
          repair: expect.stringMatching(/reconcile/),
        },
      ],
    });
    expect(json.data[0].repair).toBe(json.data[0].problems[0].repair);
    expect(text).not.toContain('secret');
  });

  it('keeps what still cannot be applied', async () => {
    const { path, event } = await quarantined();
    const answer = await api.call('POST', `${path}/retry`);
    expect([answer.status, answer.json.code]).toEqual([409, 'stillQuarantined']);
    const { inbox } = api.store.collections;
    expect(await inbox.findOne({ _id: event.id })).toMatchObject({
      outcome: 'quarantined',
      body: expect.any(String),
    });
  });

  it('says of a type that this version does not know that it stays stored', async () => {
    const event = { ...aPerson().event('created'), event: 'dsync.user.promoted' };
    expect((await api.deliver(event)).status).toBe(200);
    const answer = await api.call('POST', `/v1/quarantine/${event.id}/retry`);
    expect([answer.status, answer.json.code]).toEqual([409, 'unknownType']);
    const { inbox } = api.store.collections;
    expect(await inbox.findOne({ _id: event.id })).toMatchObject({
      outcome: 'stored',
      body: expect.any(String),
    });
  });

  it('applies on a retry what this version understands, once, and forgets the body', async () => {
    // As a former version would have left an event that it did not understand.
    const person = aPerson();
    const event = person.event('created');
    const { inbox } = api.store.collections;
    await inbox.insertOne({
      _id: event.id,
      event: event.event,
      eventAt: new Date(event.created_at),
      receivedAt: new Date(),
      transport: 'webhook',
      outcome: 'stored',
      organizationId: null,
      subjects: [person.id],
      body: JSON.stringify(event.data),
      bodyExpiresAt: new Date(Date.now() + 86_400_000),
    });
    const body = { reason: 'after the upgrade' };
    const answer = await api.call('POST', `/v1/quarantine/${event.id}/retry`, { body });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      outcome: 'applied',
      organizationId: person.organizationId,
      handledBy: 'admin:ada',
      reason: 'after the upgrade',
      bodyExpiresAt: null,
    });
    const found = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
    expect(found.json.data).toHaveLength(1);
    expect((await inbox.findOne({ _id: event.id }))?.body).toBeUndefined();
    for (const what of ['retry', 'discard']) {
      const twice = await api.call('POST', `/v1/quarantine/${event.id}/${what}`);
      expect([twice.status, twice.json.code]).toEqual([409, 'notQuarantined']);
    }
  });

  it('changes nothing by a retry about which something newer was told', async () => {
    const person = aPerson();
    const old = person.event('updated', { first_name: 'Old' });
    await api.deliver(person.event('created', { first_name: 'New' }));
    const { inbox, users } = api.store.collections;
    await inbox.insertOne({
      _id: old.id,
      event: old.event,
      eventAt: new Date(old.created_at),
      receivedAt: new Date(),
      transport: 'webhook',
      outcome: 'quarantined',
      organizationId: null,
      subjects: [person.id],
      body: JSON.stringify(old.data),
      problems: [{ path: 'data.state', code: 'invalid_type' }],
    });
    const answer = await api.call('POST', `/v1/quarantine/${old.id}/retry`);
    expect(answer.json).toMatchObject({ outcome: 'stale', problems: [] });
    expect(await users.countDocuments({ 'profile.firstName': 'Old' })).toBe(0);
  });

  it('signals at once whose access a retry closes', async () => {
    const person = aPerson();
    await api.deliver(person.event('created'));
    const gone = person.event('deleted');
    await api.store.collections.inbox.insertOne({
      _id: gone.id,
      event: gone.event,
      eventAt: new Date(gone.created_at),
      receivedAt: new Date(),
      transport: 'webhook',
      outcome: 'quarantined',
      organizationId: null,
      subjects: [person.id],
      body: JSON.stringify(gone.data),
    });
    await api.call('POST', `/v1/quarantine/${gone.id}/retry`);
    const { json } = await api.call('GET', `/v1/users?directoryUserId=${person.id}`);
    expect(json.data[0].memberships[0].access.reason).toBe('notBacked');
    expect(api.signalled.at(-1)?.membershipId).toBe(json.data[0].memberships[0].id);
  });

  it('gives up an event: the body goes, and a repetition is still a duplicate', async () => {
    const { path, event } = await quarantined();
    const answer = await api.call('POST', `${path}/discard`, { body: { reason: 'a test' } });
    expect(answer.json).toMatchObject({
      id: event.id,
      outcome: 'discarded',
      handledBy: 'admin:ada',
      reason: 'a test',
    });
    const kept = await api.store.collections.inbox.findOne({ _id: event.id });
    expect(kept).toMatchObject({ event: event.event, subjects: [event.data['id']] });
    expect(kept?.body).toBeUndefined();
    await api.deliver(event);
    const listed = await api.call('GET', '/v1/quarantine?limit=100');
    expect(listed.json.data.map(({ id }: { id: string }) => id)).not.toContain(event.id);
    for (const what of ['retry', 'discard']) {
      const twice = await api.call('POST', `${path}/${what}`);
      expect([twice.status, twice.json.code]).toEqual([409, 'notQuarantined']);
    }
  });

  it('cannot retry what it keeps no body of, nor what it never had', async () => {
    const { path, event } = await quarantined();
    await api.store.collections.inbox.updateOne({ _id: event.id }, { $unset: { body: '' } });
    const gone = await api.call('POST', `${path}/retry`);
    expect([gone.status, gone.json.code]).toEqual([409, 'bodyGone']);
    for (const what of ['retry', 'discard']) {
      const unknown = await api.call('POST', `/v1/quarantine/none/${what}`);
      expect([unknown.status, unknown.json.code]).toEqual([404, 'notFound']);
    }
  });

  it('applies an event once, however often it is retried at once', async () => {
    const person = aPerson();
    const event = person.event('created');
    await api.store.collections.inbox.insertOne({
      _id: event.id,
      event: event.event,
      eventAt: new Date(event.created_at),
      receivedAt: new Date(),
      transport: 'webhook',
      outcome: 'stored',
      organizationId: null,
      subjects: [person.id],
      body: JSON.stringify(event.data),
    });
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => api.call('POST', `/v1/quarantine/${event.id}/retry`)),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200, 409, 409, 409, 409,
    ]);
    const { memberships } = api.store.collections;
    expect(await memberships.countDocuments({ organizationId: person.organizationId })).toBe(1);
  });
});
