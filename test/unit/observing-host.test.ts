import { describe, expect, it } from '@jest/globals';

import type { HostApplication } from '../../connectors/host-application.ts';
import { createObservingHost, OnlyObserving } from '../../connectors/observing-host.ts';
import { defaultRevocationPolicy } from '../../connectors/revocation.ts';

const membership = {
  membershipId: 'membership_a',
  userId: 'user_a',
  organizationId: 'org',
  last: true,
};
const erasure = {
  ...membership,
  pseudonym: 'former-user-x',
  pseudonymEmail: 'former-user-x@anonymized.invalid',
  wholeUser: true,
  mode: 'anonymize' as const,
};
const projected = {
  userId: 'user_a',
  email: null,
  username: null,
  firstName: null,
  lastName: null,
  name: null,
  status: 'active',
  disabledAt: null,
};
const resources = [
  { kind: 'project', resourceId: '"p1"' },
  { kind: 'project', resourceId: '"p2"' },
];
const beat = (): void => undefined;

/** A host that can be read, and that fails the test when anything is written. */
function readOnly(): HostApplication {
  const written = (): never => {
    throw new Error('It was written to.');
  };
  return {
    observes: false,
    projectUser: written,
    credentialSources: [{ kind: 'session', revoke: written, count: async () => 3 }],
    answerRoleLoss: written,
    changeOwner: written,
    anonymize: written,
    resourceKinds: () => [{ kind: 'project', critical: true }],
    ownedResources: async () => resources,
    countOwned: async () => 2,
    ownsResource: async () => true,
    possibleResourceIds: (id) => [`"${id}"`],
    organizationOwner: (id) => `org:${id}`,
    countPersonalData: async () => 5,
  };
}

describe('the host application of an observing Tenure', () => {
  it('answers what would have been done, and writes nothing', async () => {
    const host = createObservingHost(readOnly());
    expect(host.observes).toBe(true);
    await host.projectUser(projected, true);
    const [session] = host.credentialSources;
    expect(await session?.revoke(membership, 1, beat)).toEqual({ found: 3, revoked: 3 });
    expect(await session?.count(membership)).toBe(3);
    expect(await host.answerRoleLoss(membership, defaultRevocationPolicy, beat)).toMatchObject({
      verifiedEmpty: true,
    });
    expect(await host.changeOwner({ resources, from: 'user_a', to: 'user_b' })).toBe(2);
  });

  it('reads what the host says', async () => {
    const host = createObservingHost(readOnly());
    const page = { after: null, limit: 10 };
    expect(await host.ownedResources(membership, { kinds: ['project'] }, page)).toBe(resources);
    expect(await host.countOwned(membership)).toBe(2);
    expect(await host.ownsResource('user_a', { kind: 'project', id: 'p1' })).toBe(true);
    expect(host.possibleResourceIds('p1')).toEqual(['"p1"']);
    expect(host.resourceKinds()).toEqual([{ kind: 'project', critical: true }]);
    expect(host.organizationOwner('acme')).toBe('org:acme');
    expect(await host.countPersonalData(erasure)).toBe(5);
  });

  it('anonymizes nobody, also where an erasure had begun before', async () => {
    const host = createObservingHost(readOnly());
    await expect(host.anonymize(erasure, beat)).rejects.toBeInstanceOf(OnlyObserving);
    await expect(createObservingHost(null).anonymize(erasure, beat)).rejects.toBeInstanceOf(
      OnlyObserving,
    );
  });

  it('is there although the host file names nothing', async () => {
    const host = createObservingHost(null);
    expect(host.credentialSources).toEqual([]);
    expect(await host.countOwned(membership)).toBe(0);
  });
});
