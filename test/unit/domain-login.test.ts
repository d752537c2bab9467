import { describe, expect, it } from '@jest/globals';

import type { GateEntry } from '../../domain/decide-access.ts';
import { findLogin } from '../../domain/decide-login.ts';

function entry(name: string, parts: Partial<GateEntry> = {}): GateEntry {
  return {
    membershipId: `membership_${name}`,
    userId: `user_${name}`,
    userIds: [`user_${name}`],
    organizationId: 'org',
    directoryUserIds: [],
    idpIds: [],
    emails: ['ada@example.com'],
    access: { state: 'open', reason: 'open' },
    roles: [],
    permissions: [],
    features: [],
    ...parts,
  };
}

const left = { access: { state: 'closed', reason: 'notBacked' } } as const;
const forgotten = { access: { state: 'closed', reason: 'anonymized' } } as const;
const sso = { idpId: 'idp_new', emailKey: 'ada@example.com' };

describe('somebody who logs in', () => {
  it('is who the id of the identity provider says, whatever the address', () => {
    const entries = [
      entry('a', { emails: [], idpIds: ['idp_new'] }),
      entry('b', { emails: ['ada@example.com'] }),
    ];
    expect(findLogin({ sso }, entries)).toMatchObject({
      found: 'somebody',
      learns: false,
      decision: { allowed: true, userId: 'user_a' },
    });
  });

  it('is denied with the true reason where the id is that of somebody who left', () => {
    const entries = [entry('a', { idpIds: ['idp_new'], ...left })];
    expect(findLogin({ sso }, entries)).toMatchObject({
      found: 'somebody',
      decision: { allowed: false, reason: 'notBacked' },
    });
  });

  it('is who alone has the address now, and their id is learned', () => {
    const entries = [entry('gone', left), entry('a')];
    expect(findLogin({ sso }, entries)).toMatchObject({
      found: 'somebody',
      learns: true,
      decision: { allowed: true, userId: 'user_a' },
    });
  });

  it('is nobody where only somebody who left, or was forgotten, has the address', () => {
    expect(findLogin({ sso }, [entry('gone', left)])).toMatchObject({
      found: 'nobody',
      decision: { allowed: false, reason: 'notBacked' },
    });
    const past = entry('past', { idpIds: ['idp_new'], ...forgotten });
    expect(findLogin({ sso }, [past])).toMatchObject({
      found: 'nobody',
      decision: { allowed: false, reason: 'unknown' },
    });
  });

  it('is nobody new where an admin has disabled whoever has the address', () => {
    const disabled = entry('a', { access: { state: 'closed', reason: 'disabled' } });
    expect(findLogin({ sso }, [disabled])).toMatchObject({
      found: 'somebody',
      learns: false,
      decision: { allowed: false, reason: 'disabled' },
    });
  });

  it('is denied where the owner of the address came under another id before', () => {
    const entries = [entry('a', { idpIds: ['idp_old'], ssoIdpIds: ['idp_old'] })];
    expect(findLogin({ sso }, entries)).toMatchObject({
      found: 'somebody',
      learns: false,
      differsFrom: 'membership_a',
      decision: { allowed: false, reason: 'identityMismatch', membershipId: null },
    });
  });

  it('is known by address although a directory told another id of them', () => {
    const entries = [entry('a', { idpIds: ['scim_id'] })];
    expect(findLogin({ sso }, entries)).toMatchObject({ learns: true });
  });

  it('is denied where several have the address', () => {
    expect(findLogin({ sso }, [entry('a'), entry('b')])).toMatchObject({
      found: 'somebody',
      decision: { allowed: false, reason: 'ambiguous' },
    });
  });

  it('is denied where ids and addresses name different people, or nobody can tell', () => {
    const mismatch = { found: 'somebody', decision: { reason: 'identityMismatch' } };
    const other = { userId: 'user_b', sso };
    expect(findLogin(other, [entry('a'), entry('b', { emails: [] })])).toMatchObject(mismatch);
    const twoAddresses = { emailKey: 'eve@example.com', sso };
    expect(findLogin(twoAddresses, [entry('a')])).toMatchObject(mismatch);
    const withoutAddress = { userId: 'user_a', sso: { idpId: 'idp_new' } };
    expect(findLogin(withoutAddress, [entry('a')])).toMatchObject(mismatch);
  });

  it('is never made from the id of a directory user whom nobody knows', () => {
    expect(findLogin({ directoryUserId: 'directory_user_x', sso }, [])).toMatchObject({
      found: 'somebody',
      decision: { allowed: false, reason: 'unknown' },
    });
  });
});
