import {
  MongoClient,
  type ClientSession,
  type Collection,
  type Db,
  type MongoClientOptions,
} from 'mongodb';

import type { DirectoryUser } from '../../domain/directory-user.ts';
import type { Membership } from '../../domain/membership.ts';
import type * as documents from './documents.ts';
import type { AuthkitMembershipDocument } from './authkit-membership-document.ts';
import type { LinkDocument, LinkRequestDocument } from './link-documents.ts';
import type { DryRunDocument } from './dry-run-document.ts';
import type { EventCursorDocument } from './event-cursor-document.ts';
import type { FenceDocument } from './fence-document.ts';
import { productionFences, type Fences } from './fences.ts';
import type { NotificationDocument } from './notification-document.ts';
import type { ReconciledItemDocument, ReconciliationDocument } from './reconciliation-documents.ts';
import { tellNobody, type Telling } from './telling.ts';

/** Tenure's own collections, typed. */
export interface Collections {
  memberships: Collection<Membership>;
  users: Collection<documents.UserDocument>;
  organizations: Collection<documents.OrganizationDocument>;
  directories: Collection<documents.DirectoryDocument>;
  directoryUsers: Collection<DirectoryUser>;
  directoryGroups: Collection<documents.DirectoryGroupDocument>;
  directoryEdges: Collection<documents.DirectoryEdgeDocument>;
  roleMappings: Collection<documents.RoleMappingsDocument>;
  guards: Collection<documents.GuardDocument>;
  inbox: Collection<documents.InboxDocument>;
  gate: Collection<documents.GateDocument>;
  timeline: Collection<documents.TimelineDocument>;
  reasons: Collection<documents.ReasonDocument>;
  holds: Collection<documents.HoldDocument>;
  links: Collection<LinkDocument>;
  linkRequests: Collection<LinkRequestDocument>;
  notices: Collection<documents.NoticeDocument>;
  ownershipMoves: Collection<documents.OwnershipMoveDocument>;
  dispatches: Collection<documents.DispatchDocument>;
  fences: Collection<FenceDocument>;
  heartbeats: Collection<documents.HeartbeatDocument>;
  eventCursors: Collection<EventCursorDocument>;
  reconciliations: Collection<ReconciliationDocument>;
  reconciledItems: Collection<ReconciledItemDocument>;
  dryRuns: Collection<DryRunDocument>;
  authkitMemberships: Collection<AuthkitMembershipDocument>;
  notifications: Collection<NotificationDocument>;
}

/** Tenure's store: the connection, the collections and the fences that transactions lock by. */
export interface Store {
  client: MongoClient;
  db: Db;
  collections: Collections;
  fences: Fences;
  telling: Telling;
}

/** One transaction: everything inside uses its session and its one time. */
export interface Transaction {
  store: Store;
  collections: Collections;
  session: ClientSession;
  at: Date;
  /** The users of whom something is to be told: delivery begins once it is committed. */
  toldUsers: Set<string>;
}

/**
 * The options of every connection. Majority and journaled, explicitly: an answer of 2xx means durable, and
 * the driver's defaults would follow whatever a connection string says.
 */
export const clientOptions: MongoClientOptions = {
  appName: 'tenure',
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  retryWrites: true,
  retryReads: true,
  ignoreUndefined: false,
};

/** The store on a connection. Opens nothing by itself; `databaseName` is `tenure` outside tests. */
export function storeOn(
  client: MongoClient,
  databaseName: string,
  fences: Fences = productionFences,
  telling: Telling = tellNobody,
): Store {
  const db = client.db(databaseName);
  return {
    client,
    db,
    fences,
    telling,
    collections: {
      memberships: db.collection('memberships'),
      users: db.collection('users'),
      organizations: db.collection('organizations'),
      directories: db.collection('directories'),
      directoryUsers: db.collection('directoryUsers'),
      directoryGroups: db.collection('directoryGroups'),
      directoryEdges: db.collection('directoryEdges'),
      roleMappings: db.collection('roleMappings'),
      guards: db.collection('guards'),
      inbox: db.collection('inbox'),
      gate: db.collection('gate_v1'),
      timeline: db.collection('timeline'),
      reasons: db.collection('reasons'),
      holds: db.collection('holds'),
      links: db.collection('links'),
      linkRequests: db.collection('linkRequests'),
      notices: db.collection('notices'),
      ownershipMoves: db.collection('ownershipMoves'),
      dispatches: db.collection('dispatches'),
      fences: db.collection('fences'),
      heartbeats: db.collection('heartbeats'),
      eventCursors: db.collection('eventCursors'),
      reconciliations: db.collection('reconciliations'),
      reconciledItems: db.collection('reconciledItems'),
      dryRuns: db.collection('dryRuns'),
      notifications: db.collection('notifications'),
      authkitMemberships: db.collection('authkitMemberships'),
    },
  };
}

/**
 * Connects to MongoDB. `timeoutMs` bounds how long an operation waits for a server, so that the webhook can
 * answer 503 in time instead of hanging with the database.
 */
export async function connectMongo(url: string, timeoutMs: number): Promise<MongoClient> {
  const client = new MongoClient(url, {
    ...clientOptions,
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
  });
  await client.connect();
  return client;
}
