import type { Filter } from 'mongodb';

import type { Membership } from '../../domain/membership.ts';

/**
 * The memberships of an organization that are entitled although no directory stands, or ever stood, behind
 * them: whom `directorySync: enabled` puts out.
 */
export function withoutDirectoryIn(organizationId: string): Filter<Membership> {
  return {
    organizationId,
    withoutDirectory: true,
    everBacked: false,
    backed: false,
    erasure: null,
    $expr: { $lte: ['$generation', '$readmitted'] },
  };
}
