import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  currentRecord,
  earlierBirth,
  isForgotten,
  type DirectoryProfile,
  type DirectoryRecord,
} from '../../domain/directory-user.ts';
import { edgeCounts } from '../../domain/group-edges.ts';
import { areEqual, judgeTelling, listingVersion, type Version } from '../../domain/versions.ts';
import type { DirectoryUserState } from '../../domain/words.ts';

function told(eventAtMs: number, updatedAtMs: number | null = null, eventId = ''): Version {
  return { eventAtMs, eventId: eventId || `event_${eventAtMs}`, updatedAtMs };
}

function record(
  id: string,
  state: DirectoryUserState,
  { bornAtMs, toldAtMs }: { bornAtMs: number | null; toldAtMs: number },
): DirectoryRecord {
  return {
    id,
    state,
    version: told(toldAtMs),
    bornAtMs,
    roles: [],
    groupsFloor: null,
    profile: null,
  };
}

describe('a telling of a person', () => {
  const alike = { differs: false, closes: false };
  const opens = { differs: true, closes: false };
  const closes = { differs: true, closes: true };
  const taken = { takes: true, doubtful: false };
  const outdated = { takes: false, doubtful: false };

  it.each([
    ['the first one is taken', told(5), null, closes, taken],
    ['a newer one is taken', told(6), told(5), closes, taken],
    ['an older one is outdated', told(5), told(6), closes, outdated],
    ['the same one again is outdated', told(5), told(5), closes, outdated],
    ['a newer snapshot in a newer event is taken', told(6, 60), told(5, 50), closes, taken],
    ['the same snapshot in a newer event is taken', told(6, 50), told(5, 50), closes, taken],
    ['an older snapshot in an older event is outdated', told(5, 50), told(6, 60), opens, outdated],
    ['no snapshot time leaves it to the events', told(6), told(5, 50), opens, taken],
    [
      'an older snapshot in a newer event that says the same is taken',
      told(6, 40),
      told(5, 50),
      alike,
      taken,
    ],
    [
      'an older snapshot in a newer event is doubtful',
      told(6, 40),
      told(5, 50),
      closes,
      { takes: true, doubtful: true },
    ],
    [
      'a newer snapshot in an older event is doubtful',
      told(5, 60),
      told(6, 50),
      opens,
      { takes: false, doubtful: true },
    ],
    [
      'an answer of the same moment that closes is taken, and doubtful',
      listingVersion(5, 'a'),
      told(5),
      closes,
      { takes: true, doubtful: true },
    ],
    [
      'an answer of the same moment that opens is not, and doubtful',
      listingVersion(5, 'a'),
      told(5),
      opens,
      { takes: false, doubtful: true },
    ],
    [
      'an event of the same moment as an answer that opens is not taken',
      told(5),
      listingVersion(5, 'a'),
      opens,
      { takes: false, doubtful: true },
    ],
    [
      'two answers of one moment that say the same are one',
      listingVersion(5, 'a'),
      listingVersion(5, 'b'),
      alike,
      outdated,
    ],
    [
      'of two events of one moment the id decides',
      told(5, null, 'event_b'),
      told(5, null, 'event_a'),
      opens,
      taken,
    ],
  ])('%s', (_name, candidate, held, content, verdict) => {
    expect(judgeTelling(candidate, held, content)).toEqual(verdict);
  });

  it('comes to the same end whichever of two comes first, and is doubtful in both orders or in none', () => {
    const version = fc.record({
      eventAtMs: fc.nat(3),
      eventId: fc.constantFrom('event_a', 'event_b', 'listing_a', 'listing_b'),
      updatedAtMs: fc.option(fc.nat(3)),
    });
    const state = fc.constantFrom<DirectoryUserState>('active', 'suspended', 'inactive', 'deleted');
    const telling = fc.record({ version, state });
    const down = ['active', 'suspended', 'inactive', 'deleted'];
    type Telling = { version: Version; state: DirectoryUserState };
    const apply = (first: Telling, second: Telling): { state: string; doubtful: boolean } => {
      const { takes, doubtful } = judgeTelling(second.version, first.version, {
        differs: first.state !== second.state,
        closes: down.indexOf(second.state) > down.indexOf(first.state),
      });
      return { state: (takes ? second : first).state, doubtful };
    };
    fc.assert(
      fc.property(telling, telling, (a, b) => {
        fc.pre(a.version.eventId !== b.version.eventId);
        expect(apply(a, b)).toEqual(apply(b, a));
      }),
    );
  });

  it('is equal to another one only where nothing orders the two', () => {
    expect(areEqual(told(5), told(6))).toBe(false);
    expect(areEqual(told(5, null, 'event_a'), told(5, null, 'event_b'))).toBe(false);
    expect(areEqual(told(5), listingVersion(5, 'a'))).toBe(true);
    expect(areEqual(listingVersion(5, 'a'), listingVersion(5, 'b'))).toBe(true);
    expect(areEqual(listingVersion(5, 'a'), listingVersion(6, 'b'))).toBe(false);
  });
});

describe('the record that counts', () => {
  it('is the one that was born last, although a deletion of the older one is told later', () => {
    const old = record('a', 'deleted', { bornAtMs: 1, toldAtMs: 9 });
    const back = record('b', 'active', { bornAtMs: 5, toldAtMs: 5 });
    expect(currentRecord({ records: [old, back] })).toBe(back);
  });

  it('is not an older one whose deletion was lost, once the younger one is gone', () => {
    const lost = record('a', 'active', { bornAtMs: 1, toldAtMs: 4 });
    const gone = record('b', 'deleted', { bornAtMs: 5, toldAtMs: 9 });
    expect(currentRecord({ records: [lost, gone] })).toBe(gone);
    expect(currentRecord({ records: [gone, lost] })).toBe(gone);
  });

  it('is an older one that was told as active after the younger one had gone', () => {
    const alive = record('a', 'active', { bornAtMs: 1, toldAtMs: 10 });
    const gone = record('b', 'inactive', { bornAtMs: 5, toldAtMs: 9 });
    expect(currentRecord({ records: [alive, gone] })).toBe(alive);
  });

  it('is the newest told of where two were born at once, and where nothing says when', () => {
    const one = record('a', 'active', { bornAtMs: 5, toldAtMs: 6 });
    const other = record('b', 'deleted', { bornAtMs: 5, toldAtMs: 9 });
    expect(currentRecord({ records: [one, other] })).toBe(other);
    const [early, late] = [
      record('a', 'active', { bornAtMs: null, toldAtMs: 6 }),
      record('b', 'active', { bornAtMs: null, toldAtMs: 7 }),
    ];
    expect(currentRecord({ records: [early, late] })).toBe(late);
  });

  it('does not depend on the order in which records were written', () => {
    const states = fc.constantFrom<DirectoryUserState>('active', 'inactive', 'deleted');
    const births = fc.option(fc.nat(3));
    fc.assert(
      fc.property(fc.array(fc.tuple(states, births), { minLength: 1, maxLength: 6 }), (all) => {
        const records = all.map(([state, bornAtMs], nth) =>
          record(`id_${nth}`, state, { bornAtMs, toldAtMs: nth }),
        );
        expect(currentRecord({ records: records.toReversed() })).toEqual(
          currentRecord({ records }),
        );
      }),
    );
  });

  it('is born when the earliest word says', () => {
    expect(earlierBirth(null, 5)).toBe(5);
    expect(earlierBirth(5, null)).toBe(5);
    expect(earlierBirth(5, 4)).toBe(4);
    expect(earlierBirth(null, null)).toBeNull();
  });
});

describe('a forgotten person', () => {
  const profile: DirectoryProfile = {
    email: 'ada@example.com',
    username: null,
    firstName: null,
    lastName: null,
    name: null,
    managerEmail: null,
    attributes: {},
  };
  const stranger = record('a', 'deleted', { bornAtMs: 1, toldAtMs: 2 });
  const forgotten = { ...stranger, groupsFloor: told(2) };

  it('is one of whom ids and floors are left', () => {
    expect(isForgotten({ membershipId: null, records: [forgotten] })).toBe(true);
  });

  it.each([
    ['a stranger', null, [stranger]],
    ['somebody who is back', null, [forgotten, { ...forgotten, profile }]],
    ['somebody with a membership', 'membership_a', [forgotten]],
  ])('is not %s', (_name, membershipId, records) => {
    expect(isForgotten({ membershipId, records })).toBe(false);
  });
});

describe('a membership of a group', () => {
  const edge = { directoryId: 'directory_a', present: true, version: told(5) };
  const group = { directoryId: 'directory_a', state: 'active' as const, deletedVersion: null };

  it.each([
    ['counts', edge, group, true],
    ['counts before anything told of the group itself', edge, null, true],
    ['does not count where there is none', null, group, false],
    ['does not count once it ended', { ...edge, present: false }, group, false],
    ['does not count in a deleted group', edge, { ...group, state: 'deleted' as const }, false],
    [
      'does not count in a group that was made again after it',
      edge,
      { ...group, deletedVersion: told(6) },
      false,
    ],
    [
      'counts in a group that was made again before it',
      edge,
      { ...group, deletedVersion: told(4) },
      true,
    ],
    [
      'does not count in a group of another directory',
      edge,
      { ...group, directoryId: 'directory_b' },
      false,
    ],
  ])('%s', (_name, held, of, counts) => {
    expect(edgeCounts(held, of)).toBe(counts);
  });
});
