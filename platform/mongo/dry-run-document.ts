/**
 * That an admin read the dry run of an organization, and whom it named. The newest reading of each
 * admin, until Directory Sync is turned on by one.
 */
export interface DryRunDocument {
  /** `<organization id>/<actor>`. */
  _id: string;
  organizationId: string;
  /** `admin:<key name>`. */
  by: string;
  at: Date;
  /** The revision of the organization's facts at that time. */
  revision: number;
  /** How many would have lost access. */
  losesAccess: number;
  /** A digest of the ids of their memberships: another one means that somebody else would lose access now. */
  digest: string;
}
