import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { backingOf, combinedBacking, type DirectoryRecord } from '../../domain/directory-user.ts';
import { linkKey, linkKeys } from '../../domain/link-keys.ts';
import { coolingOffEnds, defaultPolicy, transferTime } from '../../domain/policy.ts';
import { defaultAttributeMap, profileOf } from '../../domain/profile.ts';
import {
  compareVersions,
  isNewer,
  laterVersion,
  parseWorkosTime,
  type Version,
} from '../../domain/versions.ts';
import type { DirectoryUserState } from '../../domain/words.ts';

const day = 86_400_000;

describe('the end of the cooling-off', () => {
  const anyPolicy = fc.record({ coolingOffDays: fc.integer({ min: 30, max: 90 }) });

  it('is never sooner than the days of the policy, and at most an hour later', () => {
    fc.assert(
      fc.property(
        anyPolicy,
        fc.integer({ min: 0, max: 4e12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ coolingOffDays }, closedAtMs, share) => {
          const ends = coolingOffEnds({ ...defaultPolicy, coolingOffDays }, closedAtMs, share);
          const late = ends - (closedAtMs + coolingOffDays * day);
          expect(Number.isInteger(ends) && late >= 0 && late <= 3_600_000).toBe(true);
        },
      ),
    );
  });

  it('spreads people who left together', () => {
    const ends = [0, 0.25, 0.5, 0.999999].map((share) => coolingOffEnds(defaultPolicy, 0, share));
    expect(new Set(ends).size).toBe(4);
  });

  it('is exact in a sandbox', () => {
    const sandbox = { ...defaultPolicy, sandbox: true, sandboxCoolingOffSeconds: 5 };
    expect(coolingOffEnds(sandbox, 1000, 0.9)).toBe(6000);
  });
});

describe('the time at which resources change hands', () => {
  it('is one for all, or one for critical ones and one for the others', () => {
    const { ownership } = defaultPolicy;
    expect(transferTime(ownership, true)).toBe('onDeprovision');
    expect(transferTime(ownership, false)).toBe('beforeAnonymization');
    expect(transferTime({ ...ownership, when: 'manual' }, true)).toBe('manual');
    expect(transferTime({ ...ownership, when: 'manual' }, false)).toBe('manual');
  });
});

describe('versions', () => {
  const version: fc.Arbitrary<Version> = fc.record({
    eventAtMs: fc.integer({ min: 0, max: 3 }),
    eventId: fc.constantFrom('event_a', 'event_b', 'event_c'),
    updatedAtMs: fc.option(fc.integer({ min: 0, max: 3 })),
  });

  it('are totally ordered', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)));
        const inOrder = compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0;
        expect(inOrder && compareVersions(a, c) > 0).toBe(false);
        const same = a.eventAtMs === b.eventAtMs && a.eventId === b.eventId;
        expect(compareVersions(a, b) === 0).toBe(same);
      }),
    );
  });

  it('keep the newest telling, whatever the order of arrival', () => {
    fc.assert(
      fc.property(fc.array(version, { minLength: 1 }), fc.nat(), (tellings, at) => {
        const turned = [...tellings.slice(at % tellings.length), ...tellings];
        const fold = (all: Version[]): Version | null =>
          all.reduce<Version | null>((held, next) => (isNewer(next, held) ? next : held), null);
        const [one, other] = [fold(tellings), fold(turned)];
        expect(compareVersions(one!, other!)).toBe(0);
        for (const telling of tellings) {
          expect(compareVersions(laterVersion(one!, telling), one!)).toBe(0);
        }
      }),
    );
  });

  it('let the event id decide within a millisecond, so that both orders agree', () => {
    const first = { eventAtMs: 5, eventId: 'event_1', updatedAtMs: null };
    const second = { eventAtMs: 5, eventId: 'event_2', updatedAtMs: null };
    expect(isNewer(second, first)).toBe(true);
    expect(isNewer(first, second)).toBe(false);
    expect(isNewer(first, first)).toBe(false);
  });
});

describe('the time of an event', () => {
  it.each([
    ['2023-04-28T20:05:31.093Z', Date.UTC(2023, 3, 28, 20, 5, 31, 93)],
    ['2023-04-28 20:05:31.093', Date.UTC(2023, 3, 28, 20, 5, 31, 93)],
    ['2023-04-28T20:05:31Z', Date.UTC(2023, 3, 28, 20, 5, 31)],
    ['2023-04-28T20:05:31+02:00', Date.UTC(2023, 3, 28, 18, 5, 31)],
    ['2023-04-28T20:05:31.123456Z', Date.UTC(2023, 3, 28, 20, 5, 31, 123)],
  ])('is read from %s', (text, ms) => {
    expect(parseWorkosTime(text)).toBe(ms);
  });

  it.each([
    '',
    'yesterday',
    '2023-04-28',
    '1682712331093',
    '2023-13-45T99:99:99Z',
    ' 2023-04-28T20:05:31Z',
  ])('is not guessed from "%s"', (text) => {
    expect(parseWorkosTime(text)).toBeNull();
  });
});

describe('a link key', () => {
  it('folds case, space and the form of accents, and nothing else', () => {
    expect(linkKey('  Ada@Example.COM ')).toBe('ada@example.com');
    expect(linkKey('Jose\u0301@example.com')).toBe('jos\u00e9@example.com');
  });

  it.each([null, undefined, '', '   '])('is null for %p', (text) => {
    expect(linkKey(text)).toBeNull();
  });

  it.each([
    ['ada@example.com', '\u0430da@example.com', 'a Cyrillic letter'],
    ['ada@example.com', 'ada+x@example.com', 'a plus tag'],
    ['ada@example.com', 'a.da@example.com', 'a dot'],
    ['ada@example.com', 'ada@examp1e.com', 'a digit'],
    ['ada@example.com', '\uff41da@example.com', 'a fullwidth letter'],
    ['ada@example.com', 'ad\u00e0@example.com', 'an accent'],
    ['ada@example.com', 'ada\u200b@example.com', 'a zero-width space'],
    ['ada@example.com', 'ada@example.com.evil.example', 'a longer domain'],
    ['file@example.com', '\ufb01le@example.com', 'a ligature'],
    ['kim@example.com', '\u212aim@example.com', 'the Kelvin sign, which Unicode lower-cases to k'],
    ['strasse@example.com', 'stra\u00dfe@example.com', 'a sharp s'],
    ['ida@example.com', '\u0131da@example.com', 'a dotless i'],
    ['ida@example.com', '\u0130da@example.com', 'a dotted capital I'],
    ['ada@example.com', 'ada@example\u3002com', 'an ideographic full stop'],
    ['ada@b\u00fccher.example', 'ada@xn--bcher-kva.example', 'a domain in Punycode'],
    ['ada@example.com', 'ada@example.com\u200d', 'a joiner at the end'],
    ['ada@example.com', 'ada @example.com', 'a blank inside'],
  ])('tells %s from %s (%s)', (one, other) => {
    expect(linkKey(one)).not.toBe(linkKey(other));
  });

  it('is plain ASCII for plain ASCII alone: no other character of Unicode is folded into it', () => {
    const folded: string[] = [];
    for (let code = 0x80; code <= 0x10ffff; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const key = linkKey(`a${String.fromCodePoint(code)}a`);
      if (/^[\x20-\x7e]*$/.test(key ?? '')) folded.push(code.toString(16));
    }
    expect(folded).toEqual([]);
  });

  it('is shared by two addresses of plain letters only if they differ in case and outer blanks alone', () => {
    const address = fc.stringMatching(/^[ ]?[aAbB.+_-]{1,3}@[aA.]{1,2}[ ]?$/);
    fc.assert(
      fc.property(address, address, (one, other) => {
        const same = one.trim().toLowerCase() === other.trim().toLowerCase();
        expect(linkKey(one) === linkKey(other)).toBe(same);
      }),
    );
  });

  it('is the same when taken again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const key = linkKey(text);
        fc.pre(key !== null && key.trim() !== '' && key.normalize('NFC') === key);
        expect(linkKey(key)).toBe(key);
      }),
    );
  });

  it('comes once where e-mail and username are the same', () => {
    expect(linkKeys({ email: 'Ada@x.example', username: 'ada@x.example' })).toEqual([
      'ada@x.example',
    ]);
    expect(linkKeys({ email: null, username: ' ' })).toEqual([]);
  });
});

function record(
  state: DirectoryUserState,
  eventAtMs = 1,
  id = 'directory_user_a',
): DirectoryRecord {
  const version = { eventAtMs, eventId: `event_${eventAtMs}`, updatedAtMs: null };
  return { id, state, version, bornAtMs: null, roles: [], groupsFloor: null, profile: null };
}

describe('backing', () => {
  const rules = {
    lifecycleAuthority: 'any' as const,
    leavingAttributes: [] as { attribute: string; values: string[] }[],
    suspendedCountsAsLeaving: true,
    accessByGroup: false,
  };
  const backing = (state: DirectoryUserState, given = {}, attributes = {}) => {
    const profile = {
      email: null,
      username: null,
      firstName: null,
      lastName: null,
      name: null,
      managerEmail: null,
      attributes,
    };
    const records = [{ ...record(state), profile }];
    return backingOf({ directoryId: 'directory_a', records }, { ...rules, ...given });
  };

  it.each([
    ['active', 'backs'],
    ['inactive', 'none'],
    ['suspended', 'none'],
    ['deleted', 'none'],
  ] as const)('of an %s record is %s by default', (state, expected) => {
    expect(backing(state)).toBe(expected);
  });

  it('of a suspended record is a suspension where the policy does not count it as leaving', () => {
    expect(backing('suspended', { suspendedCountsAsLeaving: false })).toBe('suspended');
    expect(backing('inactive', { suspendedCountsAsLeaving: false })).toBe('none');
  });

  it('is none from a directory that is not authoritative', () => {
    expect(backing('active', { lifecycleAuthority: ['directory_b'] })).toBe('none');
    expect(backing('active', { lifecycleAuthority: [] })).toBe('none');
    expect(backing('active', { lifecycleAuthority: ['directory_a'] })).toBe('backs');
  });

  it('ends where a custom attribute of the policy says so', () => {
    const given = { leavingAttributes: [{ attribute: 'status', values: ['terminated', 'true'] }] };
    expect(backing('active', given, { status: 'terminated' })).toBe('none');
    expect(backing('active', given, { status: true })).toBe('none');
    expect(backing('active', given, { status: 'employed' })).toBe('backs');
    expect(backing('active', given, {})).toBe('backs');
  });

  it('is the best of all directory users', () => {
    expect(combinedBacking([])).toBe('none');
    expect(combinedBacking(['none', 'suspended'])).toBe('suspended');
    expect(combinedBacking(['none', 'suspended', 'backs'])).toBe('backs');
  });
});

describe('the profile', () => {
  const directory = {
    email: null,
    username: ' ada ',
    firstName: 'Ada',
    lastName: null,
    name: null,
    managerEmail: null,
    attributes: { email: 'ada@example.com', username: 'other', last_name: '  ' },
  };

  it('takes the first place that says something, the plain field before custom attributes', () => {
    expect(profileOf(directory, defaultAttributeMap)).toEqual({
      email: 'ada@example.com',
      username: 'ada',
      firstName: 'Ada',
      lastName: null,
      displayName: 'Ada',
    });
  });

  it('never finds what an object inherits', () => {
    const map = { ...defaultAttributeMap, email: ['custom_attributes.constructor', 'toString'] };
    expect(profileOf(directory, map).email).toBeNull();
  });

  it('takes no number or truth value for a name', () => {
    const map = { ...defaultAttributeMap, username: ['custom_attributes.number'] };
    expect(profileOf({ ...directory, attributes: { number: 7 } }, map).username).toBeNull();
  });
});
