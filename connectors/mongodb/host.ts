import type { Db } from 'mongodb';

import { mongodbSessions, type HostFile } from '../../domain/host-file.ts';
import type { HostApplication } from '../host-application.ts';
import type { MongoHost } from './host-collections.ts';
import {
  changeOwner,
  countOwned,
  organizationOwner,
  ownedResources,
  ownsResource,
} from './ownership.ts';
import { possibleResourceIds, resourceIdOf } from './ids.ts';
import { createMongodbSource } from './mongodb-source.ts';
import { createPacer } from './pacing.ts';
import { anonymize, countPersonalData } from './personal-data.ts';
import { projectUser } from './projection.ts';
import { answerRoleLoss } from './role-loss.ts';

/** What the MongoDB connector needs. */
export interface MongoHostOptions {
  /** The host application's database. */
  db: Db;
  file: HostFile;
  /** Batch writes (revocation, transfer, anonymization) a second, of this process. More than 0. */
  writesPerSecond: number;
}

/**
 * The host application whose users, sessions, resources and personal data lie in MongoDB. A collection that
 * does not exist counts as empty. Creates no index and no collection, save the users' own with its first user.
 */
export function createMongoHost(options: MongoHostOptions): HostApplication {
  const { db, file } = options;
  const host: MongoHost = { db, file, pacer: createPacer(options.writesPerSecond) };
  return {
    observes: false,
    projectUser: (user, mayCreate, except) => projectUser(host, user, mayCreate, except),
    credentialSources: mongodbSessions(file).map((source) => createMongodbSource(host, source)),
    answerRoleLoss: (membership, policy, beat) => answerRoleLoss(host, membership, policy, beat),
    resourceKinds: () => file.resources.map(({ kind, critical }) => ({ kind, critical })),
    ownedResources: (membership, filter, page) => ownedResources(host, membership, filter, page),
    changeOwner: (change) => changeOwner(host, change),
    countOwned: (membership) => countOwned(host, membership),
    ownsResource: (userId, resource) => ownsResource(host, userId, resource),
    possibleResourceIds: (id) => possibleResourceIds(id).map(resourceIdOf),
    organizationOwner: (organizationId) => organizationOwner(host, organizationId),
    anonymize: (erasure, beat) => anonymize(host, erasure, beat),
    countPersonalData: (erasure) => countPersonalData(host, erasure),
  };
}
