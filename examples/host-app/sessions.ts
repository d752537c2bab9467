import { createHash, randomBytes } from 'node:crypto';

import type { Collection, Db } from 'mongodb';

/** Whoever acts: a person in one organization, by a browser session or by a grant that an app uses. */
export interface Actor {
  userId: string;
  organizationId: string;
  /** The session, or the grant. */
  credentialId: string;
}

/**
 * A browser session. `userId` and `organizationId` are what the host file names for the kind `session`: Tenure
 * deletes by them. The cookie holds a random token, the database only its hash.
 */
export interface Session {
  _id: string;
  userId: string;
  organizationId: string;
  createdAt: Date;
  expiresAt: Date;
}

/** A grant by which another app acts for a person, until somebody revokes it. Tenure ends it by HTTP (`tenure.ts`). */
export interface Grant {
  _id: string;
  userId: string;
  organizationId: string;
  app: string;
  createdAt: Date;
  revokedAt: Date | null;
}

const sessionHours = 12;

/** What lets people into the application. Whether they may act is never decided here: the gate is asked each time. */
export interface Credentials {
  /** Returns the token for the cookie. */
  openSession(person: { userId: string; organizationId: string }): Promise<string>;
  endSession(id: string): Promise<void>;
  ofCookie(token: string | undefined): Promise<Actor | null>;
  /** Whether a session or grant is still there: it may have been ended by another process, or by Tenure. */
  isAlive(credentialId: string): Promise<boolean>;
  /** Returns the token for the app. */
  grant(actor: Actor, app: string): Promise<string>;
  endGrant(token: string): Promise<void>;
  ofBearer(token: string): Promise<Actor | null>;
}

/** Sessions and grants in the application's own database. */
export function createCredentials(db: Db): Credentials {
  const sessions: Collection<Session> = db.collection('sessions');
  const grants: Collection<Grant> = db.collection('oauthGrants');
  return {
    async openSession({ userId, organizationId }) {
      const token = newToken();
      const now = Date.now();
      await sessions.insertOne({
        _id: hash(token),
        userId,
        organizationId,
        createdAt: new Date(now),
        expiresAt: new Date(now + sessionHours * 3_600_000),
      });
      return token;
    },
    async endSession(id) {
      await sessions.deleteOne({ _id: id });
    },
    async ofCookie(token) {
      if (token === undefined) return null;
      const session = await sessions.findOne({
        _id: hash(token),
        expiresAt: { $gt: new Date() },
      });
      return session === null ? null : actorOf(session);
    },
    async isAlive(credentialId) {
      const session = await sessions.findOne({
        _id: credentialId,
        expiresAt: { $gt: new Date() },
      });
      return session !== null;
    },
    async grant({ userId, organizationId }, app) {
      const token = newToken();
      await grants.insertOne({
        _id: hash(token),
        userId,
        organizationId,
        app,
        createdAt: new Date(),
        revokedAt: null,
      });
      return token;
    },
    async endGrant(token) {
      await grants.updateOne(
        { _id: hash(token), revokedAt: null },
        { $set: { revokedAt: new Date() } },
      );
    },
    async ofBearer(token) {
      const grant = await grants.findOne({ _id: hash(token), revokedAt: null });
      return grant === null ? null : actorOf(grant);
    },
  };
}

function actorOf({ _id, userId, organizationId }: Session | Grant): Actor {
  return { userId, organizationId, credentialId: _id };
}

function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
