import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { parseEvent } from '../../intake/parse-event.ts';
import { eventTime } from '../../intake/telling.ts';
import { eventEnvelope, type EventEnvelope } from '../../platform/workos/wire.ts';
import { directoryEvent, edgeEvent, groupEvent, userEvent } from '../support/events.ts';

const ada = { id: 'directory_user_a', directoryId: 'directory_a', organizationId: 'org_a' };

/** An event of Ada whose data has other values. */
function eventWith(data: Record<string, unknown>): EventEnvelope {
  const event = userEvent('updated', ada);
  return { ...event, data: { ...(event.data as object), ...data } };
}

function tellingOf(event: EventEnvelope) {
  const parsed = parseEvent(event);
  if (parsed.kind !== 'user') throw new Error(`It is ${JSON.stringify(parsed)}.`);
  return parsed.telling;
}

describe('parsing an event', () => {
  it.each(['created', 'updated'] as const)('reads dsync.user.%s', (type) => {
    const event = userEvent(type, { ...ada, username: 'ada' }, '2026-01-02T03:04:05.006Z');
    expect(tellingOf(event)).toMatchObject({
      directoryId: 'directory_a',
      workosOrganizationId: 'org_a',
      idpId: 'idp-directory_user_a',
      record: {
        id: 'directory_user_a',
        state: 'active',
        version: { eventAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6), eventId: event.id },
        profile: { email: 'directory_user_a@example.com', username: 'ada', firstName: 'Ada' },
      },
    });
  });

  it('takes a deletion for a deletion, although WorkOS repeats that the person is active', () => {
    expect(tellingOf(userEvent('deleted', { ...ada, state: 'active' })).record.state).toBe(
      'deleted',
    );
  });

  it.each([
    ['active', 'active'],
    ['inactive', 'inactive'],
    ['suspended', 'suspended'],
    ['Active', 'inactive'],
    ['on_leave', 'inactive'],
    ['', 'inactive'],
  ])('takes the state "%s" for %s', (state, expected) => {
    expect(tellingOf(eventWith({ state })).record.state).toBe(expected);
  });

  it('reads dsync.activated and dsync.deleted', () => {
    const directory = { id: 'directory_a', organizationId: 'org_a' };
    expect(parseEvent(directoryEvent('activated', directory))).toMatchObject({
      kind: 'directoryActivated',
      directory: { id: 'directory_a', organization_id: 'org_a', state: 'active' },
    });
    expect(parseEvent(directoryEvent('deleted', directory)).kind).toBe('directoryDeleted');
  });

  it.each(['dsync.token.created', 'group.member_added', 'user.deleted', 'something.new'])(
    'stores %s, which it does not apply, whatever its data',
    (type) => {
      expect(parseEvent({ id: 'event_a', event: type, data: { $where: 1 } })).toEqual({
        kind: 'stored',
      });
    },
  );

  it.each([
    'dsync.user.created',
    'dsync.user.deleted',
    'dsync.group.updated',
    'dsync.group.user_removed',
    'dsync.activated',
    'dsync.deleted',
    'organization.deleted',
  ])('finds a %s without a readable time unexpected', (type) => {
    for (const created_at of [undefined, '', 'soon', '2026-99-01T00:00:00Z']) {
      const event: EventEnvelope = { ...userEvent('created', ada), event: type };
      const timed = { ...event, created_at } as EventEnvelope;
      expect(parseEvent(timed)).toEqual({
        kind: 'unexpected',
        problems: [{ path: 'created_at', code: 'invalid_time' }],
      });
      expect(eventTime(timed)).toBeNull();
    }
  });

  it.each([
    'id',
    'directory_id',
    'idp_id',
    'email',
    'first_name',
    'last_name',
    'username',
    'state',
    'organization_id',
  ])('finds an operator object in %s unexpected, and names the path only', (field) => {
    const parsed = parseEvent(eventWith({ [field]: { $ne: 'Ada Lovelace' } }));
    expect(parsed).toMatchObject({ kind: 'unexpected', problems: [{ path: `data.${field}` }] });
    expect(JSON.stringify(parsed)).not.toContain('Lovelace');
  });

  it.each([null, undefined, 'text', 7, [], true])('finds data that are %p unexpected', (data) => {
    expect(parseEvent({ ...userEvent('created', ada), data }).kind).toBe('unexpected');
  });

  it.each([
    ['id', 'a b'],
    ['id', '$where'],
    ['id', 'x'.repeat(256)],
    ['directory_id', '../x'],
    ['id', ''],
  ])('finds %s "%s" no id', (field, value) => {
    expect(parseEvent(eventWith({ [field]: value })).kind).toBe('unexpected');
  });

  it('takes a missing idp_id, a null e-mail and missing names as absent', () => {
    const telling = tellingOf(
      eventWith({
        idp_id: null,
        email: null,
        first_name: undefined,
        last_name: null,
        custom_attributes: null,
      }),
    );
    expect(telling.idpId).toBeNull();
    expect(telling.record.profile).toMatchObject({ email: null, firstName: null, attributes: {} });
    expect(tellingOf(eventWith({ idp_id: '' })).idpId).toBeNull();
  });

  it('cuts names of 10,000 characters', () => {
    const { profile } = tellingOf(
      eventWith({
        first_name: 'x'.repeat(10_000),
        custom_attributes: { title: 'y'.repeat(10_000) },
      }),
    ).record;
    expect(profile.firstName).toBe('x'.repeat(1024));
    expect(profile.attributes['title']).toBe('y'.repeat(1024));
  });

  it('replaces half a surrogate pair, also one that it cuts itself', () => {
    const { profile } = tellingOf(
      eventWith({
        first_name: 'A\ud800da\u0000',
        custom_attributes: { lone: '\udc00', long: `x${'\u{1f600}'.repeat(1000)}` },
      }),
    ).record;
    expect(profile.firstName).toBe('A\ufffdda');
    expect(profile.attributes['lone']).toBe('\ufffd');
    expect(String(profile.attributes['long']).isWellFormed()).toBe(true);
  });

  it('keeps plain custom attributes only: no operators, no prototype, no objects, two hundred at most', () => {
    const raw: unknown = JSON.parse(
      '{"__proto__": "x", "$where": "1", "a.b": "c", "constructor": "fine", "on leave": true, "level": 3, "list": [1], "deep": {"$ne": 1}}',
    );
    const { attributes } = tellingOf(eventWith({ custom_attributes: raw })).record.profile;
    expect(Object.entries(attributes)).toEqual([
      ['constructor', 'fine'],
      ['on leave', true],
      ['level', 3],
    ]);
    expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype);
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, nth) => [`a${nth}`, 'x']));
    const kept = tellingOf(eventWith({ custom_attributes: many })).record.profile.attributes;
    expect(Object.keys(kept)).toHaveLength(200);
  });

  it('reads when the record was created, or else bounds it by the event', () => {
    const { record } = tellingOf(eventWith({ created_at: '2020-01-02T03:04:05.006Z' }));
    expect(record.bornAtMs).toBe(Date.UTC(2020, 0, 2, 3, 4, 5, 6));
    for (const created_at of [undefined, null, 'soon', 7]) {
      const { bornAtMs, version } = tellingOf(eventWith({ created_at })).record;
      expect(bornAtMs).toBe(version.eventAtMs);
    }
  });

  it.each([
    ['one role', { role: { slug: 'admin' } }, ['admin']],
    [
      'several roles',
      { role: { slug: 'b' }, roles: [{ slug: 'c' }, { slug: 'b' }, { slug: 'a' }] },
      ['a', 'b', 'c'],
    ],
    ['no roles', {}, []],
    ['null', { role: null, roles: null }, []],
    ['what is no role', { role: { slug: { $ne: '' } }, roles: [7, { slug: 'a' }, {}] }, ['a']],
    ['a list that is none', { roles: 'admin' }, []],
  ])('reads the slugs of %s', (_name, data, roles) => {
    expect(tellingOf(eventWith(data)).record.roles).toEqual(roles);
  });

  it('reads the manager from custom attributes', () => {
    const custom_attributes = { manager_email: 'boss@example.com' };
    const { profile } = tellingOf(eventWith({ custom_attributes })).record;
    expect(profile.managerEmail).toBe('boss@example.com');
    expect(
      tellingOf(eventWith({ custom_attributes: { manager_email: 7 } })).record.profile.managerEmail,
    ).toBeNull();
  });

  it('never throws, and what it reads is plain, whatever stands in an event', () => {
    const fields = fc.record(
      {
        id: fc.constantFrom<unknown>('directory_user_a', 7, null),
        state: fc.anything(),
        idp_id: fc.anything(),
        email: fc.anything(),
        first_name: fc.anything(),
        custom_attributes: fc.anything({ withObjectString: true }),
        updated_at: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, fc.constantFrom('created', 'updated', 'deleted', 'x'), (data, type) => {
        const parsed = parseEvent({ ...eventWith(data), event: `dsync.user.${type}` });
        if (parsed.kind !== 'user') return;
        const { attributes, ...texts } = parsed.telling.record.profile;
        for (const value of [...Object.values(texts), ...Object.values(attributes)]) {
          expect(['string', 'number', 'boolean']).toContain(
            value === null ? 'string' : typeof value,
          );
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses envelopes without id or type', () => {
    for (const wrong of [
      {},
      { id: 'a' },
      { event: 'x' },
      { id: {}, event: 'x' },
      { id: 'a', event: '' },
      null,
    ]) {
      expect(eventEnvelope.safeParse(wrong).success).toBe(false);
    }
  });
});

describe('parsing an event of a group', () => {
  const group = { id: 'directory_group_a', directoryId: 'directory_a', organizationId: 'org_a' };

  it.each(['created', 'updated', 'deleted'] as const)('reads dsync.group.%s', (type) => {
    const event = groupEvent(type, { ...group, name: 'Engineering' }, '2026-01-02T03:04:05.006Z');
    expect(parseEvent(event)).toEqual({
      kind: 'group',
      telling: {
        directoryId: 'directory_a',
        workosOrganizationId: 'org_a',
        groupId: 'directory_group_a',
        name: 'Engineering',
        state: type === 'deleted' ? 'deleted' : 'active',
        version: {
          eventAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
          eventId: event.id,
          updatedAtMs: null,
        },
      },
    });
  });

  it.each([
    ['user_added', true],
    ['user_removed', false],
  ] as const)('reads of dsync.group.%s the ids alone', (type, present) => {
    const event = edgeEvent(type, ada, group, '2026-01-02T03:04:05.006Z');
    expect(parseEvent(event)).toEqual({
      kind: 'edge',
      telling: {
        directoryId: 'directory_a',
        workosOrganizationId: 'org_a',
        groupId: 'directory_group_a',
        directoryUserId: 'directory_user_a',
        present,
        version: {
          eventAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
          eventId: event.id,
          updatedAtMs: null,
        },
      },
    });
  });

  it('finds a person of one directory in a group of another unexpected', () => {
    const event = edgeEvent('user_added', ada, { ...group, directoryId: 'directory_b' });
    expect(parseEvent(event)).toEqual({
      kind: 'unexpected',
      problems: [{ path: 'data.group.directory_id', code: 'edgeAcrossDirectories' }],
    });
  });

  it('takes the directory from wherever it stands, and finds none at all unexpected', () => {
    const event = edgeEvent('user_added', ada, group);
    const bare = { user: { id: 'directory_user_a' }, group: { id: 'directory_group_a' } };
    const withOne = { ...bare, group: { ...bare.group, directory_id: 'directory_a' } };
    expect(parseEvent({ ...event, data: withOne })).toMatchObject({
      telling: { directoryId: 'directory_a', workosOrganizationId: null },
    });
    expect(parseEvent({ ...event, data: bare })).toMatchObject({
      kind: 'unexpected',
      problems: [{ path: 'data.directory_id' }],
    });
  });

  it.each([
    ['dsync.group.created', { id: { $ne: '' }, directory_id: 'directory_a' }, 'data.id'],
    [
      'dsync.group.updated',
      { id: 'directory_group_a', directory_id: { $gt: '' } },
      'data.directory_id',
    ],
    [
      'dsync.group.user_added',
      { user: { $where: 1 }, group: { id: 'directory_group_a' } },
      'data.user.id',
    ],
    ['dsync.group.user_removed', { user: { id: 'directory_user_a' }, group: [] }, 'data.group'],
  ])('finds %s with operator objects unexpected', (event, data, path) => {
    const parsed = parseEvent({ ...userEvent('created', ada), event, data });
    expect(parsed).toMatchObject({ kind: 'unexpected', problems: [{ path }] });
  });
});
