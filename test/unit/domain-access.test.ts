import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { decideAccess, type AccessQuestion, type GateEntry } from '../../domain/decide-access.ts';
import { deriveAccess, deriveStatus } from '../../domain/status.ts';
import { accessReasons, type Access } from '../../domain/words.ts';

type Facts = Parameters<typeof deriveAccess>[0];

const at = new Date(0);
const open: Access = { state: 'open', reason: 'open' };
const opening: Access = { state: 'closed', reason: 'opening' };
const disabled = { by: 'admin:x', at, reasonId: null };
const erasure = {
  committedAt: at,
  pseudonym: 'former-user-x',
  wholeUser: true,
  completedAt: null,
  counts: {},
};

function facts(changes: Partial<Facts>): Facts {
  return {
    erasure: null,
    disabled: null,
    suspended: false,
    backed: true,
    everBacked: true,
    withoutDirectory: false,
    generation: 0,
    readmitted: 0,
    invited: false,
    access: opening,
    ...changes,
  };
}

const left = { backed: false, generation: 1 };
const imported = { backed: false, everBacked: false, withoutDirectory: true, access: open };

/** The table in section 4 of the design, row by row, and what overrides what. */
const rows: [string, Partial<Facts>, string, string][] = [
  ['backed, not yet opened', {}, 'active', 'opening'],
  ['backed, not yet opened, initially invited', { invited: true }, 'invited', 'opening'],
  ['returning', { generation: 1 }, 'active', 'opening'],
  ['backed and opened', { access: open }, 'active', 'open'],
  ['backed and opened, before the first login', { access: open, invited: true }, 'invited', 'open'],
  ['never in a directory', imported, 'active', 'open'],
  ['left', { ...left, access: open }, 'disabled', 'notBacked'],
  ['left before the first login', { ...left, invited: true }, 'disabled', 'notBacked'],
  ['left, and was there before the directory', { ...imported, ...left }, 'disabled', 'notBacked'],
  ['left once backed by a directory', { ...imported, everBacked: true }, 'disabled', 'notBacked'],
  [
    'imported where directories decide',
    { ...imported, withoutDirectory: false },
    'disabled',
    'notBacked',
  ],
  ['suspended by the directory', { suspended: true, access: open }, 'suspended', 'suspended'],
  ['disabled by an admin', { disabled, access: open }, 'suspended', 'disabled'],
  [
    'disabled by an admin, never in a directory',
    { ...imported, disabled },
    'suspended',
    'disabled',
  ],
  ['disabled by an admin and left', { ...left, disabled }, 'suspended', 'disabled'],
  ['disabled by an admin and suspended', { disabled, suspended: true }, 'suspended', 'disabled'],
  ['committed', { ...left, erasure }, 'anonymized', 'anonymized'],
  ['committed, whatever else', { erasure, disabled, access: open }, 'anonymized', 'anonymized'],
];

describe('status and access', () => {
  it.each(rows)('of somebody who is %s', (_who, changes, status, reason) => {
    const one = facts(changes);
    expect(deriveStatus(one)).toBe(status);
    expect(deriveAccess(one)).toEqual({ state: reason === 'open' ? 'open' : 'closed', reason });
  });

  it('never open by themselves: only what was open stays open', () => {
    const anyFacts = fc.record({
      erasure: fc.constantFrom(null, erasure),
      disabled: fc.constantFrom(null, disabled),
      suspended: fc.boolean(),
      backed: fc.boolean(),
      everBacked: fc.boolean(),
      withoutDirectory: fc.boolean(),
      generation: fc.nat(2),
      readmitted: fc.nat(2),
      invited: fc.boolean(),
      access: fc.constantFrom<Access>(opening, { state: 'closed', reason: 'notBacked' }),
    });
    fc.assert(
      fc.property(anyFacts, (one) => {
        expect(deriveAccess(one).state).toBe('closed');
        const opened = deriveAccess({ ...one, access: open });
        const mayBe =
          one.erasure === null &&
          one.disabled === null &&
          !one.suspended &&
          (one.backed ||
            (one.withoutDirectory && !one.everBacked && one.generation <= one.readmitted));
        expect(opened.state === 'open').toBe(mayBe);
        expect(opened.state === 'open').toBe(opened.reason === 'open');
      }),
    );
  });
});

function entry(changes: Partial<GateEntry> = {}): GateEntry {
  const { userId = 'user_a' } = changes;
  return {
    membershipId: 'membership_a',
    userId,
    userIds: userId === null ? [] : [userId],
    organizationId: 'org_a',
    directoryUserIds: ['directory_user_a'],
    idpIds: ['idp-a'],
    emails: ['ada@example.com'],
    access: open,
    roles: ['editor'],
    permissions: ['write'],
    features: ['beta'],
    ...changes,
  };
}
const other = entry({
  membershipId: 'membership_b',
  userId: 'user_b',
  directoryUserIds: ['directory_user_b'],
  idpIds: ['idp-b'],
});

describe('an access decision', () => {
  it.each<[string, AccessQuestion]>([
    ['the user id', { userId: 'user_a' }],
    ['the directory user id', { directoryUserId: 'directory_user_a' }],
    ['the e-mail', { emailKey: 'ada@example.com' }],
    ['the SSO profile', { sso: { idpId: 'idp-a' } }],
    ['all of them', { userId: 'user_a', emailKey: 'ada@example.com', sso: { idpId: 'idp-a' } }],
  ])('lets in by %s, with the rooms behind the door', (_by, question) => {
    expect(decideAccess(question, [entry()])).toEqual({
      allowed: true,
      reason: 'open',
      userId: 'user_a',
      membershipId: 'membership_a',
      roles: ['editor'],
      permissions: ['write'],
      features: ['beta'],
    });
  });

  it.each(accessReasons.filter((reason) => reason !== 'open'))(
    'denies with reason %s, and tells nothing of the rooms',
    (reason) => {
      const decision = decideAccess({ userId: 'user_a' }, [
        entry({ access: { state: 'closed', reason } }),
      ]);
      expect(decision).toMatchObject({
        allowed: false,
        reason,
        roles: [],
        permissions: [],
        features: [],
      });
    },
  );

  it('denies a directory user who waits for a link decision', () => {
    const pending = entry({
      membershipId: null,
      userId: null,
      access: { state: 'closed', reason: 'pendingLink' },
    });
    expect(decideAccess({ directoryUserId: 'directory_user_a' }, [pending])).toMatchObject({
      allowed: false,
      reason: 'pendingLink',
    });
  });

  it('knows a user by either id, and calls them as the host application does', () => {
    const both = entry({ userIds: ['user_a', 'row_7'] });
    for (const userId of ['user_a', 'row_7']) {
      expect(decideAccess({ userId }, [both])).toMatchObject({ allowed: true, userId: 'row_7' });
    }
    expect(decideAccess({ userId: 'row_8' }, [both])).toMatchObject({ reason: 'unknown' });
  });

  it('denies an unknown person', () => {
    expect(decideAccess({ userId: 'user_x' }, [])).toMatchObject({
      allowed: false,
      reason: 'unknown',
    });
    expect(decideAccess({}, [entry()])).toMatchObject({ allowed: false, reason: 'unknown' });
  });

  it('denies an e-mail address that several people share', () => {
    expect(decideAccess({ emailKey: 'ada@example.com' }, [entry(), other])).toMatchObject({
      allowed: false,
      reason: 'ambiguous',
    });
  });

  it('gives an address to whoever has it now, not to the leaver who had it', () => {
    const leaver = entry({ access: { state: 'closed', reason: 'notBacked' } });
    expect(decideAccess({ emailKey: 'ada@example.com' }, [leaver, other])).toMatchObject({
      allowed: true,
      userId: 'user_b',
    });
    expect(decideAccess({ emailKey: 'ada@example.com' }, [leaver])).toMatchObject({
      allowed: false,
      reason: 'notBacked',
      userId: 'user_a',
    });
  });

  describe('by the address of an account', () => {
    const byAccount = (entries: GateEntry[], more: AccessQuestion = {}) =>
      decideAccess({ emailKey: 'ada@example.com', emailOf: 'account', ...more }, entries);
    const leaver = entry({ access: { state: 'closed', reason: 'notBacked' } });
    const ambiguous = { allowed: false, reason: 'ambiguous', userId: null, roles: [] };

    it('lets in whoever alone has it, and denies one who left with the true reason', () => {
      expect(byAccount([entry()])).toMatchObject({ allowed: true, userId: 'user_a' });
      expect(byAccount([leaver])).toMatchObject({ allowed: false, reason: 'notBacked' });
      expect(byAccount([])).toMatchObject({ allowed: false, reason: 'unknown' });
    });

    it.each(['notBacked', 'anonymized'] as const)(
      'takes nobody for the newcomer while somebody has it who is gone (%s): the account may be theirs',
      (reason) => {
        const gone = entry({ access: { state: 'closed', reason } });
        expect(byAccount([gone, other])).toMatchObject(ambiguous);
        expect(byAccount([other, gone])).toMatchObject(ambiguous);
      },
    );

    it('is no longer ambiguous once whoever is gone has lost it', () => {
      const forgotten = { ...leaver, emails: [] };
      expect(byAccount([forgotten, other])).toMatchObject({ allowed: true, userId: 'user_b' });
    });

    it('means whom another identity names', () => {
      expect(byAccount([leaver, other], { userId: 'user_b' })).toMatchObject({ userId: 'user_b' });
      expect(byAccount([leaver, other], { userId: 'user_a' })).toMatchObject({
        allowed: false,
        reason: 'notBacked',
      });
    });
  });

  it('lets the SSO id decide between people who share an address', () => {
    const question = { sso: { idpId: 'idp-b' }, emailKey: 'ada@example.com' };
    expect(decideAccess(question, [entry(), other])).toMatchObject({
      allowed: true,
      userId: 'user_b',
    });
  });

  it.each<[string, AccessQuestion]>([
    ['belong to two people', { userId: 'user_a', directoryUserId: 'directory_user_b' }],
    ['are known and unknown', { userId: 'user_a', sso: { idpId: 'idp-x' } }],
  ])('denies identities that %s', (_how, question) => {
    expect(decideAccess(question, [entry(), other])).toMatchObject({
      allowed: false,
      reason: 'identityMismatch',
    });
  });

  describe('by an SSO profile whose id nobody has', () => {
    const sso = { idpId: 'idp-new', emailKey: 'ada@example.com' };
    const byNewId = (entries: GateEntry[], more: AccessQuestion = {}) =>
      decideAccess({ sso, ...more }, entries);

    it('lets in whoever alone has its address now', () => {
      expect(byNewId([entry()])).toMatchObject({ allowed: true, userId: 'user_a' });
      const leaver = entry({ access: { state: 'closed', reason: 'notBacked' } });
      expect(byNewId([leaver, other])).toMatchObject({ allowed: true, userId: 'user_b' });
    });

    it('denies with the true reason whoever may not come in', () => {
      for (const reason of accessReasons.filter((one) => one !== 'open')) {
        const closed = entry({ access: { state: 'closed', reason } });
        expect(byNewId([closed])).toMatchObject({ allowed: false, reason });
      }
    });

    it('denies where several have the address, also where one of them is disabled', () => {
      expect(byNewId([entry(), other])).toMatchObject({ allowed: false, reason: 'ambiguous' });
      const closed = { ...other, access: { state: 'closed', reason: 'disabled' } } as const;
      expect(byNewId([entry(), closed])).toMatchObject({ allowed: false, reason: 'ambiguous' });
    });

    it('denies where the owner of the address came under another id before', () => {
      const known = entry({ ssoIdpIds: ['idp-old'], ssoConnectionIds: ['conn_1'] });
      const mismatch = { allowed: false, reason: 'identityMismatch', userId: null };
      expect(byNewId([known])).toMatchObject(mismatch);
      expect(byNewId([known], { sso: { ...sso, connectionId: 'conn_1' } })).toMatchObject(mismatch);
      // Another connection: the organization changed its identity provider.
      expect(byNewId([known], { sso: { ...sso, connectionId: 'conn_2' } })).toMatchObject({
        allowed: true,
      });
    });

    it('denies where it names somebody else than the other identities, or nobody', () => {
      const bob = { ...other, emails: ['bob@example.com'] };
      const denial = { allowed: false, reason: 'identityMismatch' };
      expect(byNewId([entry(), bob], { userId: 'user_b' })).toMatchObject(denial);
      expect(byNewId([entry(), bob], { emailKey: 'bob@example.com' })).toMatchObject(denial);
      const withoutAddress = { sso: { idpId: 'idp-new' } };
      expect(byNewId([entry()], { ...withoutAddress, userId: 'user_a' })).toMatchObject(denial);
      expect(byNewId([entry()], withoutAddress)).toMatchObject({ reason: 'unknown' });
    });

    it('does not look at the address where somebody has the id', () => {
      const bob = { ...other, emails: ['bob@example.com'] };
      const question = { sso: { idpId: 'idp-a', emailKey: 'bob@example.com' } };
      expect(decideAccess(question, [entry(), bob])).toMatchObject({ userId: 'user_a' });
      const leaver = entry({ access: { state: 'closed', reason: 'notBacked' } });
      expect(decideAccess(question, [leaver, bob])).toMatchObject({
        allowed: false,
        reason: 'notBacked',
      });
    });

    it('does not mean somebody who is being forgotten, unless nobody else can be meant', () => {
      const past = entry({
        idpIds: ['idp-new'],
        access: { state: 'closed', reason: 'anonymized' },
      });
      expect(byNewId([past, other])).toMatchObject({ allowed: true, userId: 'user_b' });
      expect(byNewId([past])).toMatchObject({ allowed: false, reason: 'anonymized' });
    });
  });

  it('never lets in anybody but the one open person whom all the identities name', () => {
    const word = fc.constantFrom('a', 'b', 'c');
    const words = fc.uniqueArray(word, { maxLength: 2 });
    const anyEntry = fc.record(
      {
        userId: word,
        directoryUserIds: words,
        idpIds: words,
        emails: words,
        ssoIdpIds: words,
        ssoConnectionIds: words,
        access: fc.oneof(
          { weight: 3, arbitrary: fc.constant(open) },
          {
            weight: 2,
            arbitrary: fc.constantFrom<GateEntry['access']>(
              opening,
              { state: 'closed', reason: 'pendingLink' },
              { state: 'closed', reason: 'notBacked' },
              { state: 'closed', reason: 'anonymized' },
              // Damaged rows must not let anybody in either.
              { state: 'closed', reason: 'open' },
              { state: 'open', reason: 'notBacked' },
            ),
          },
        ),
      },
      { requiredKeys: ['userId', 'directoryUserIds', 'idpIds', 'emails', 'access'] },
    );
    const sso = fc.record(
      { idpId: word, emailKey: word, connectionId: word },
      { requiredKeys: ['idpId'] },
    );
    const emailOf = fc.constant('account' as const);
    const question: fc.Arbitrary<AccessQuestion> = fc.oneof(
      fc.record({ userId: word, directoryUserId: word, emailKey: word, sso }, { requiredKeys: [] }),
      fc.record(
        { emailKey: word, emailOf, userId: word },
        { requiredKeys: ['emailKey', 'emailOf'] },
      ),
      fc.record({ userId: word, sso }, { requiredKeys: ['sso'] }),
    );
    let allowed = { byId: 0, byAddress: 0 };
    fc.assert(
      fc.property(question, fc.array(anyEntry, { maxLength: 3 }), (asked, found) => {
        const entries = found.map((one) => entry(one));
        const decision = decideAccess(asked, entries);
        const [only] = meant(asked, entries);
        const mayAct =
          Object.keys(asked).length > 0 &&
          meant(asked, entries).length === 1 &&
          only?.access.state === 'open' &&
          only.access.reason === 'open';
        expect(decision.allowed).toBe(mayAct);
        if (!mayAct) return;
        expect(decision.userId).toBe(only.userId);
        const how = asked.sso === undefined || only.idpIds.includes(asked.sso.idpId);
        allowed = {
          byId: allowed.byId + Number(how),
          byAddress: allowed.byAddress + Number(!how),
        };
      }),
      { numRuns: 5_000 },
    );
    // Else the property would be about nobody.
    expect(allowed.byId).toBeGreaterThan(50);
    expect(allowed.byAddress).toBeGreaterThan(20);
  });
});

/** The entries that every identity names, said once more in other words than the rule itself. */
function meant(asked: AccessQuestion, entries: GateEntry[]): GateEntry[] {
  const { sso } = asked;
  const forgotten = (one: GateEntry): boolean =>
    one.access.reason === 'anonymized' &&
    one.userId !== asked.userId &&
    !one.directoryUserIds.some((id) => id === asked.directoryUserId);
  const hasId = (one: GateEntry): boolean => sso !== undefined && one.idpIds.includes(sso.idpId);
  const isKnown = entries.some((one) => hasId(one) && !forgotten(one));
  // An address of somebody who left means whoever has it now, if anybody has.
  const gone = (one: GateEntry): boolean =>
    one.access.reason === 'notBacked' || one.access.reason === 'anonymized';
  const has = (one: GateEntry, address: string): boolean =>
    one.emails.includes(address) &&
    !(gone(one) && entries.some((now) => !gone(now) && now.emails.includes(address)));
  const teachable = (one: GateEntry): boolean =>
    (one.ssoIdpIds ?? []).length === 0 ||
    (sso?.connectionId !== undefined &&
      (one.ssoConnectionIds ?? []).length > 0 &&
      one.ssoConnectionIds?.includes(sso.connectionId) === false);
  const matching = entries.filter(
    (one) =>
      (asked.userId === undefined || one.userId === asked.userId) &&
      (asked.directoryUserId === undefined ||
        one.directoryUserIds.includes(asked.directoryUserId)) &&
      (asked.emailKey === undefined ||
        (asked.emailOf === 'account'
          ? one.emails.includes(asked.emailKey)
          : has(one, asked.emailKey))) &&
      (sso === undefined ||
        (isKnown
          ? hasId(one) && !forgotten(one)
          : sso.emailKey !== undefined &&
            has(one, sso.emailKey) &&
            (asked.emailKey === undefined || asked.emailKey === sso.emailKey))),
  );
  // Who came under another id so far is denied, and hides nobody else: two with one address stay two.
  return isKnown || sso === undefined || matching.length !== 1
    ? matching
    : matching.filter(teachable);
}
