import type { Collection, Db, Filter } from 'mongodb';

import type { HostFile } from '../../domain/host-file.ts';
import { idForms, type HostId } from './ids.ts';
import type { Pacer } from './pacing.ts';

/** A document of the host application, of which Tenure knows only the fields that the host file names. */
export interface HostDocument {
  _id: HostId;
  [field: string]: unknown;
}

/** What every part of the connector works with. */
export interface MongoHost {
  db: Db;
  file: HostFile;
  pacer: Pacer;
}

/**
 * A collection of the host application. Writes are majority and journaled: what is reported as revoked or
 * erased must not come back with a failover. Reads are local on the primary, since a majority read does not
 * yet see a session that was created a moment ago.
 */
export function hostCollection(host: MongoHost, name: string): Collection<HostDocument> {
  return host.db.collection<HostDocument>(name, {
    readPreference: 'primary',
    readConcern: { level: 'local' },
    writeConcern: { w: 'majority', journal: true },
  });
}

/** Where a collection says whose a document is. */
export interface Belonging {
  /** The field with the user's id. */
  user: string;
  /** The field with the organization's id; null: documents belong to the user everywhere. */
  organization: string | null;
  /** `user`: the document belongs to the user everywhere, whatever organization it names. */
  scope?: 'organization' | 'user';
}

/**
 * The documents of one membership. `withoutOrganization`: also those that belong to no organization, be it
 * that the collection has no such field or that it is empty in the document. Null: there can be none.
 * `otherUserId`: those that name the user so are the user's as well.
 */
export function documentsOf(
  belonging: Belonging,
  membership: { userId: string; organizationId: string },
  withoutOrganization: boolean,
  otherUserId?: string,
): Filter<HostDocument> | null {
  const ids = otherUserId === undefined ? [membership.userId] : [membership.userId, otherUserId];
  const user = { [belonging.user]: { $in: ids.flatMap(idForms) } };
  if (belonging.organization === null || belonging.scope === 'user') {
    return withoutOrganization ? user : null;
  }
  const forms = idForms(membership.organizationId);
  // `null` in the list also finds documents without the field.
  const organizations = withoutOrganization ? [...forms, null] : forms;
  return { $and: [user, { [belonging.organization]: { $in: organizations } }] };
}
