import type { Membership } from '../../domain/membership.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { membershipOf, sandbox } from './by-hand.ts';
import { userEvent, workosId, type DirectoryUserSketch } from './events.ts';
import type { TestTenure } from './tenure.ts';

export type Sketch = DirectoryUserSketch & { id: string };

/** A company with two directories, such as an HRIS and an identity provider, and one address in question. */
export interface Company {
  organizationId: string;
  email: string;
  sketch(directory: 'hris' | 'idp', more?: Partial<DirectoryUserSketch>): Sketch;
  /** Imports somebody who was there before Directory Sync. */
  add(
    changes?: Partial<{ id: string; email: string | null; username: string | null }>,
  ): Promise<{ id: string; membershipId: string }>;
  arrive(person: Sketch): Promise<Membership>;
  count(): Promise<number>;
  /** The codes of notices, without those about directories. */
  notices(): Promise<string[]>;
  requests(): Promise<{ _id: string; cause: string; candidateUserIds: string[] }[]>;
}

export async function company(
  tenure: TestTenure,
  policy: Parameters<typeof sandbox>[2] = {},
): Promise<Company> {
  const { collections } = tenure.store;
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId, policy);
  const email = `${workosId('mail')}@example.com`;
  return {
    organizationId,
    email,
    sketch: (directory, more = {}) => ({
      id: workosId('directory_user'),
      organizationId,
      directoryId: `directory_${directory}_${organizationId}`,
      email,
      ...more,
    }),
    add: async (changes = {}) =>
      importUser(
        tenure.store,
        {
          id: workosId('host_user'),
          organizationId,
          email,
          username: null,
          name: 'Ada Lovelace',
          roles: ['editor'],
          status: 'active',
          ...changes,
        },
        'import',
      ),
    async arrive(person) {
      await tenure.take(userEvent('created', person));
      return membershipOf(tenure, person.id);
    },
    count: async () => collections.memberships.countDocuments({ organizationId }),
    async notices() {
      const found = await collections.notices.find({ organizationId }).toArray();
      return found.map(({ code }) => code).filter((code) => code !== 'unannouncedDirectory');
    },
    requests: async () =>
      collections.linkRequests.find({ organizationId, resolution: null }).toArray(),
  };
}
