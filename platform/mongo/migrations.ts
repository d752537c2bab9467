import { MongoServerError, type IndexDescription } from 'mongodb';

import { addressCollation } from './address-collation.ts';
import type { Collections, Store } from './store.ts';
import { upgrade } from './upgrades.ts';

/** The version of the database's shape that this program needs. */
export const schemaVersion = 3;

type Index = [keyof Collections, IndexDescription['key'], Omit<IndexDescription, 'key'>?];

const indexes: Index[] = [
  ['memberships', { userId: 1, organizationId: 1 }, { unique: true }],
  ['memberships', { organizationId: 1, _id: 1 }],
  ['memberships', { phase: 1, _id: 1 }],
  ['memberships', { status: 1, _id: 1 }],
  // The outbox: only pending memberships are in these indexes, so an idle system's are empty.
  [
    'memberships',
    { urgent: -1, pendingSince: 1 },
    { name: 'pending', partialFilterExpression: { pendingSince: { $exists: true } } },
  ],
  [
    'memberships',
    { organizationId: 1, pendingSince: 1 },
    { name: 'pendingByOrganization', partialFilterExpression: { pendingSince: { $exists: true } } },
  ],
  [
    'memberships',
    { resting: 1, _id: 1 },
    { name: 'notResting', partialFilterExpression: { resting: false } },
  ],
  [
    'organizations',
    { spreading: 1 },
    { name: 'spreading', partialFilterExpression: { spreading: true } },
  ],
  // The windows of a switch of provider, looked at every few seconds: hardly ever any.
  [
    'organizations',
    { switchUntil: 1 },
    { name: 'switching', partialFilterExpression: { switchUntil: { $type: 'date' } } },
  ],
  ['users', { organizationIds: 1, emailKey: 1 }],
  ['users', { organizationIds: 1, usernameKey: 1 }],
  ['users', { organizationIds: 1, _id: 1 }],
  // Who else has an address, in whatever organization.
  ['users', { emailKey: 1 }],
  [
    'users',
    { hostUserId: 1 },
    { unique: true, partialFilterExpression: { hostUserId: { $gt: '' } } },
  ],
  ['users', { formerHostUserId: 1 }, { sparse: true }],
  ['directoryUsers', { 'records.id': 1 }, { unique: true }],
  // `$gt: ''` is every text. By `$type: 'string'` MongoDB would not see that a search for one text lies within.
  [
    'directoryUsers',
    { directoryId: 1, idpId: 1 },
    { name: 'byIdentity', unique: true, partialFilterExpression: { idpId: { $gt: '' } } },
  ],
  ['directoryUsers', { membershipId: 1 }],
  [
    'directoryUsers',
    { organizationId: 1, 'records.profile.managerEmail': 1 },
    { name: 'byManager', collation: addressCollation },
  ],
  ['directories', { organizationId: 1 }],
  // Whose turn it is to be asked about.
  ['directories', { deletedAt: 1, checkedAt: 1 }],
  [
    'directories',
    { reconcileWantedAt: 1 },
    { name: 'toReconcile', partialFilterExpression: { reconcileWantedAt: { $exists: true } } },
  ],
  // Whom a change of a whole organization's facts has not reached yet, and who was never linked.
  ['memberships', { organizationId: 1, factsRevision: 1 }],
  ['directoryUsers', { organizationId: 1, membershipId: 1, factsRevision: 1 }],
  // The closings of one directory within a window: what the guard counts.
  ['memberships', { leftFrom: 1, disabledAt: 1 }],
  ['memberships', { 'guard.id': 1, 'guard.state': 1, backed: 1, _id: 1 }],
  ['directoryUsers', { directoryId: 1, _id: 1 }],
  ['directoryUsers', { directoryId: 1, 'records.state': 1 }],
  ['directoryGroups', { directoryId: 1 }],
  ['directoryEdges', { directoryUserId: 1 }],
  ['directoryEdges', { groupId: 1, _id: 1 }],
  ['guards', { organizationId: 1, state: 1, openedAt: -1 }],
  ['guards', { directoryId: 1, state: 1 }],
  ['guards', { state: 1, openedAt: -1 }],
  ['guards', { spreading: 1 }, { name: 'spreading', partialFilterExpression: { spreading: true } }],
  ['inbox', { subjects: 1 }],
  ['inbox', { outcome: 1, receivedAt: 1 }],
  // Only what still has a body: few, and each of them is looked through when somebody is forgotten.
  ['inbox', { bodyExpiresAt: 1 }, { sparse: true }],
  // The identity first: a revocation, or an erasure, may know no organization.
  ['gate', { userIds: 1, organizationId: 1 }],
  ['gate', { emails: 1, organizationId: 1 }],
  ['gate', { directoryUserIds: 1, organizationId: 1 }],
  ['gate', { idpIds: 1, organizationId: 1 }],
  ['timeline', { membershipId: 1, revision: 1, _id: 1 }],
  ['reasons', { membershipId: 1 }],
  ['reasons', { userId: 1 }],
  ['holds', { 'scope.userId': 1 }],
  ['holds', { 'scope.organizationId': 1 }],
  [
    'holds',
    { 'scope.resource.id': 1 },
    { name: 'onResources', partialFilterExpression: { 'scope.resource': { $exists: true } } },
  ],
  [
    'memberships',
    { 'blockedBy.detail': 1 },
    { name: 'blockedBy', partialFilterExpression: { phase: 'blocked' } },
  ],
  ['links', { membershipId: 1, at: 1 }],
  ['links', { mirrorId: 1 }],
  ['linkRequests', { organizationId: 1, resolution: 1 }],
  ['linkRequests', { directoryUserId: 1 }],
  ['notices', { at: -1 }],
  ['notices', { code: 1, subjectId: 1 }],
  ['ownershipMoves', { membershipId: 1, generation: 1 }],
  // What an observing Tenure left undone: none, once it is live.
  [
    'memberships',
    { organizationId: 1, 'observed.since': 1 },
    { name: 'observed', partialFilterExpression: { observed: { $exists: true } } },
  ],
  [
    'organizations',
    { 'cancellation.at': 1 },
    { name: 'cancelling', partialFilterExpression: { cancellation: { $exists: true } } },
  ],
  ['dryRuns', { organizationId: 1 }],
  ['authkitMemberships', { membershipId: 1 }],
  [
    'authkitMemberships',
    { reactivateSince: 1 },
    { name: 'toReactivate', partialFilterExpression: { reactivateSince: { $exists: true } } },
  ],
  // What was signalled a day ago says nothing any more.
  ['dispatches', { signalledAt: 1 }, { expireAfterSeconds: 86_400 }],
  ['heartbeats', { role: 1, at: 1 }],
  ['reconciliations', { directoryId: 1, startedAt: -1 }],
  ['reconciliations', { startedAt: 1 }, { expireAfterSeconds: 90 * 86_400 }],
  ['reconciledItems', { runId: 1, kind: 1, found: 1 }],
  [
    'reconciledItems',
    { runId: 1, _id: 1 },
    { name: 'toConfirm', partialFilterExpression: { confirm: true } },
  ],
  // What an endpoint has to be told, in order.
  [
    'notifications',
    { userId: 1, endpoint: 1, sequence: 1 },
    { name: 'pending', partialFilterExpression: { state: 'pending' } },
  ],
  [
    'notifications',
    { wakeAt: 1 },
    { name: 'toWake', partialFilterExpression: { wakeAt: { $exists: true } } },
  ],
  // The list, newest first: of all, by state, and of one user.
  ['notifications', { at: -1, _id: -1 }],
  ['notifications', { state: 1, at: -1, _id: -1 }],
  ['notifications', { userId: 1, at: -1, _id: -1 }],
  ['notifications', { expiresAt: 1 }, { expireAfterSeconds: 0 }],
  // Longer than a run may last (`longestRunMs`); what it saw says nothing afterwards.
  ['reconciledItems', { at: 1 }, { expireAfterSeconds: 2 * 86_400 }],
];

/** Indexes of former versions that nothing uses any more. */
const obsoleteIndexes: [keyof Collections, name: string][] = [
  ['users', 'byEmail'],
  ['directoryUsers', 'directoryId_1_idpId_1'],
  ['inbox', 'organizationId_1_bodyExpiresAt_1'],
  ['gate', 'organizationId_1_userId_1'],
  ['gate', 'organizationId_1_hostUserId_1'],
  ['gate', 'organizationId_1_directoryUserIds_1'],
  ['gate', 'organizationId_1_idpIds_1'],
  ['gate', 'organizationId_1_emails_1'],
];

/** Thrown when the database was written by a newer Tenure: an older one must not touch it. */
export class NewerSchema extends Error {
  override readonly name = 'NewerSchema';
}

/** Thrown where the database has a shape that no release had: somebody has to mend it, as the message says. */
export class UnreleasedSchema extends Error {
  override readonly name = 'UnreleasedSchema';
}

/** Thrown by a MongoDB without transactions: waiting does not help, so the process ends. */
export class StandaloneServer extends Error {
  override readonly name = 'StandaloneServer';
}

/** Whether no waiting helps: somebody has to do something about the database. */
export function isUnusable(error: unknown): boolean {
  return (
    error instanceof NewerSchema ||
    error instanceof UnreleasedSchema ||
    error instanceof StandaloneServer
  );
}

/**
 * Brings Tenure's database to the shape that this program needs: every unique index exists before anything
 * is served, since a dedupe without its index is only a hope. Forward only; safe to run by several
 * processes at once and again.
 *
 * @throws NewerSchema if a newer Tenure migrated the database already, StandaloneServer without a replica set,
 *   UnreleasedSchema if a development version wrote it.
 */
export async function migrate(store: Store): Promise<void> {
  await refuseStandalone(store);
  const found = await store.collections.fences.findOne({ _id: 'schema' });
  if (found !== null && found.revision > schemaVersion) {
    throw new NewerSchema(
      `The database has schema version ${found.revision}, this program knows ${schemaVersion}. Start a newer Tenure.`,
    );
  }
  const listed = await store.db.listCollections().toArray();
  refuseGateView(listed);
  const existing = new Set(listed.map(({ name }) => name));
  await Promise.all(namesOf(store).map(async (name) => createCollection(store, name, existing)));
  if (found !== null && found.revision < schemaVersion) {
    for (const [name, index] of obsoleteIndexes) await dropIfThere(store, name, index);
    await upgrade(store);
  }
  await store.collections.fences.updateOne(
    { _id: 'schema' },
    { $max: { revision: schemaVersion } },
    { upsert: true },
  );
}

function namesOf({ collections }: Store): (keyof Collections)[] {
  const isName = (name: string): name is keyof Collections => name in collections;
  return Object.keys(collections).filter(isName);
}

/**
 * Makes a collection with its indexes, or the indexes that it lacks. All of them in one command: on a new database
 * MongoDB makes the collection with it, on a migrated one it only finds that all are there.
 */
async function createCollection(
  store: Store,
  name: keyof Collections,
  existing: ReadonlySet<string>,
): Promise<void> {
  const { collectionName } = store.collections[name];
  const wanted = indexes
    .filter(([of]) => of === name)
    .map(([, key, options]) => ({ ...options, key }));
  if (wanted.length > 0) await store.db.collection(collectionName).createIndexes(wanted);
  // Explicitly created: a collection must not first appear inside a transaction under load.
  else if (!existing.has(collectionName)) await createIfMissing(store, collectionName);
}

async function dropIfThere(store: Store, name: keyof Collections, index: string): Promise<void> {
  try {
    await store.db.command({ dropIndexes: store.collections[name].collectionName, index });
  } catch (error) {
    // Code 27: there is none of this name.
    if (!(error instanceof MongoServerError && error.code === 27)) throw error;
  }
}

/** Two processes that start at once cannot safely turn the view into the collection, so neither does. */
function refuseGateView(listed: readonly { name: string; type?: string }[]): void {
  if (!listed.some(({ name, type }) => name === 'gate_v1' && type === 'view')) return;
  throw new UnreleasedSchema(
    'gate_v1 is still a view. Stop every Tenure process, then in mongosh: db.gate_v1.drop(); db.gate.renameCollection("gate_v1")',
  );
}

async function createIfMissing(store: Store, name: string): Promise<void> {
  try {
    await store.db.createCollection(name);
  } catch (error) {
    // Code 48: another process created it meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 48)) throw error;
  }
}

/** Transactions need a replica set; on a standalone mongod every one of them would fail at the first webhook. */
async function refuseStandalone(store: Store): Promise<void> {
  const hello = await store.db.admin().command({ hello: 1 });
  if (typeof hello['setName'] !== 'string' && hello['msg'] !== 'isdbgrid') {
    throw new StandaloneServer(
      'MongoDB is a standalone server. Tenure needs a replica set (one node is enough).',
    );
  }
}
