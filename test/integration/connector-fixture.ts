import { randomBytes } from 'node:crypto';

import { BSON, MongoClient, type Db, type Document } from 'mongodb';

import type { HostApplication } from '../../connectors/host-application.ts';
import { createMongoHost } from '../../connectors/mongodb/host.ts';
import type {
  HostFile,
  MongodbSessions,
  PersonalDataRule,
  ResourceKind,
} from '../../domain/host-file.ts';
import { defaultAttributeMap } from '../../domain/profile.ts';

/** A host database of its own for each test, and how to end it. */
export interface HostDatabase {
  db: Db;
  drop(): Promise<void>;
}

export async function freshDatabase(): Promise<HostDatabase> {
  const url = process.env['TENURE_TEST_MONGODB_URL'];
  if (url === undefined) throw new Error('TENURE_TEST_MONGODB_URL is not set');
  const client = await MongoClient.connect(url);
  const db = client.db(`host-${randomBytes(6).toString('hex')}`);
  return {
    db,
    async drop() {
      await db.dropDatabase();
      await client.close();
    },
  };
}

export function aHostFile(parts: Partial<HostFile>): HostFile {
  return {
    version: 1,
    database: 'acme',
    defaults: { policy: {} },
    organizations: {},
    organizationOwner: 'org:{organizationId}',
    attributes: defaultAttributeMap,
    directoryOrder: [],
    users: null,
    sessions: [],
    resources: [],
    personalData: [],
    notifications: [],
    tokenRevocation: { issuers: [] },
    ...parts,
  };
}

export function aSessionSource(parts: Partial<MongodbSessions>): MongodbSessions {
  return {
    kind: 'session',
    connector: 'mongodb',
    collection: 'sessions',
    user: 'userId',
    organization: 'organizationId',
    scope: 'organization',
    isKey: false,
    idType: 'string',
    revoke: 'delete',
    onRoleLoss: 'none',
    ...parts,
  };
}

export function aResourceKind(parts: Partial<ResourceKind>): ResourceKind {
  return {
    kind: 'project',
    connector: 'mongodb',
    collection: 'projects',
    owner: 'ownerId',
    organization: 'organizationId',
    critical: true,
    idType: 'string',
    ...parts,
  };
}

export function aRule(parts: Partial<PersonalDataRule>): PersonalDataRule {
  return {
    connector: 'mongodb',
    collection: 'comments',
    user: 'authorId',
    organization: 'organizationId',
    scope: 'organization',
    idType: 'string',
    fields: { authorName: 'pseudonym', authorEmail: 'pseudonymEmail', ip: 'remove' },
    ...parts,
  };
}

/** The connector over a host file; paced so fast that only tests of the pacing notice it. */
export function hostOn(
  db: Db,
  parts: Partial<HostFile>,
  writesPerSecond = 20_000,
): HostApplication {
  return createMongoHost({ db, file: aHostFile(parts), writesPerSecond });
}

/** Every document of a collection by its id, byte for byte. */
export async function bytesOf(db: Db, collection: string): Promise<Map<string, string>> {
  const documents = await db.collection(collection).find({}, { raw: true }).toArray();
  const entries = documents.map((raw): [string, string] => {
    const bytes = Buffer.from(raw as unknown as Uint8Array);
    const document: Document = BSON.deserialize(bytes);
    return [BSON.EJSON.stringify(document['_id']), bytes.toString('hex')];
  });
  return new Map(entries);
}

export const ignoreProgress = (): void => undefined;
