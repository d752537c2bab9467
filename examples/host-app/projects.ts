import { randomUUID } from 'node:crypto';

import type { Collection, Db } from 'mongodb';

import type { Actor } from './sessions.ts';

/** What the organization works on. Tenure hands `ownerId` over when the owner leaves; `creatorId` stays. */
export interface Project {
  _id: string;
  ownerId: string;
  creatorId: string;
  organizationId: string;
  title: string;
  createdAt: Date;
}

export interface ProjectDocument extends Project {
  projectId?: string;
}

/** Every query names the organization of whoever asks: an id from elsewhere finds nothing. */
export interface Projects {
  list(actor: Actor): Promise<Project[]>;
  find(actor: Actor, id: string): Promise<Project | null>;
  create(actor: Actor, title: string): Promise<Project>;
  /** Null: there is no such project of the actor's own. */
  rename(actor: Actor, id: string, title: string): Promise<Project | null>;
  documents(actor: Actor, projectId: string): Promise<ProjectDocument[]>;
  addDocument(actor: Actor, projectId: string, title: string): Promise<void>;
}

export function createProjects(db: Db): Projects {
  const projects: Collection<Project> = db.collection('projects');
  const documents: Collection<ProjectDocument> = db.collection('documents');
  const made = ({ userId, organizationId }: Actor, title: string): Project => ({
    _id: randomUUID(),
    ownerId: userId,
    creatorId: userId,
    organizationId,
    title,
    createdAt: new Date(),
  });
  return {
    list: ({ organizationId }) =>
      projects.find({ organizationId }).sort({ createdAt: 1, _id: 1 }).limit(100).toArray(),
    find: ({ organizationId }, id) => projects.findOne({ _id: id, organizationId }),
    async create(actor, title) {
      const project = made(actor, title);
      await projects.insertOne(project);
      return project;
    },
    rename: ({ organizationId, userId }, id, title) =>
      projects.findOneAndUpdate(
        { _id: id, organizationId, ownerId: userId },
        { $set: { title } },
        { returnDocument: 'after' },
      ),
    documents: ({ organizationId }, projectId) =>
      documents.find({ organizationId, projectId }).sort({ createdAt: 1 }).limit(500).toArray(),
    async addDocument(actor, projectId, title) {
      await documents.insertOne({ ...made(actor, title), projectId });
    },
  };
}
