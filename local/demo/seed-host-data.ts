import { randomUUID } from 'node:crypto';

import type { Db, Document } from 'mongodb';

/** The person for whom the host application gets data, in the host application's own terms. */
export interface HostPerson {
  /** The host application's user id: Tenure's, where none was imported. */
  userId: string;
  organizationId: string;
  name: string;
  email: string;
}

/** How much of each there is; the same for everybody, so that a test can count. */
export const hostDataPerPerson = {
  sessions: 2,
  refreshTokens: 1,
  apiKeys: 1,
  projects: 2,
  documents: 3,
  comments: 2,
} as const;

/**
 * Writes what a product keeps about one person into the host application's database, in the collections that
 * `acme.yaml` names. Called again for the same person it changes nothing.
 *
 * @returns how many documents were written; 0 where the person had data already
 */
export async function seedHostData(db: Db, person: HostPerson): Promise<number> {
  const { userId, organizationId, name, email } = person;
  if ((await db.collection('projects').countDocuments({ creatorId: userId }, { limit: 1 })) > 0) {
    return 0;
  }
  const now = new Date();
  const owned = { ownerId: userId, creatorId: userId, organizationId, createdAt: now };
  const documents: Record<keyof typeof hostDataPerPerson, (index: number) => Document> = {
    sessions: () => ({ userId, organizationId, createdAt: now, userAgent: 'Mozilla/5.0' }),
    refreshTokens: () => ({ userId, organizationId, createdAt: now }),
    apiKeys: (index) => ({ userId, label: `key ${index + 1}`, createdAt: now, revokedAt: null }),
    comments: (index) => ({
      authorId: userId,
      organizationId,
      authorName: name,
      authorEmail: email,
      ip: `198.51.100.${index + 1}`,
      body: `Remark ${index + 1}`,
      createdAt: now,
    }),
    documents: (index) => ({ ...owned, title: `Document ${index + 1}` }),
    // Last, since a person with a project counts as seeded.
    projects: (index) => ({ ...owned, title: `Project ${index + 1}` }),
  };
  let written = 0;
  for (const [collection, make] of Object.entries(documents)) {
    const count = collectionSize(collection);
    const rows = Array.from({ length: count }, (_, index) => ({
      _id: randomUUID(),
      ...make(index),
    }));
    const result = await db.collection<{ _id: string }>(collection).insertMany(rows);
    written += result.insertedCount;
  }
  return written;
}

/** What of a person's access and property is left in the host application. */
export interface HostFootprint {
  sessions: number;
  refreshTokens: number;
  /** Keys that still work. */
  apiKeys: number;
  /** Owned, not created. */
  projects: number;
  documents: number;
  /** Comments that still carry the person's name. */
  namedComments: number;
}

/** Counts what the host application still has of a person. */
export async function hostFootprint(db: Db, person: HostPerson): Promise<HostFootprint> {
  const { userId, name } = person;
  const count = (collection: string, filter: Document): Promise<number> =>
    db.collection(collection).countDocuments(filter);
  const [sessions, refreshTokens, apiKeys, projects, documents, namedComments] = await Promise.all([
    count('sessions', { userId }),
    count('refreshTokens', { userId }),
    count('apiKeys', { userId, revokedAt: null }),
    count('projects', { ownerId: userId }),
    count('documents', { ownerId: userId }),
    count('comments', { authorId: userId, authorName: name }),
  ]);
  return { sessions, refreshTokens, apiKeys, projects, documents, namedComments };
}

function collectionSize(collection: string): number {
  const sizes: Record<string, number> = hostDataPerPerson;
  return sizes[collection] ?? 0;
}
