import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { WebSocketServer, type WebSocket } from 'ws';

import type { Gate } from '../../gate/create-gate.ts';
import type { Actor } from './sessions.ts';

/** What live connections need. */
export interface LiveOptions {
  gate: Pick<Gate, 'check'>;
  /** Whose session a request carries; null: nobody's. */
  actorOf: (request: IncomingMessage) => Promise<Actor | null>;
  isAlive: (credentialId: string) => Promise<boolean>;
  /** The application's own origin: no other page may connect in a person's name. */
  origin: string;
  /** How often a connection that nobody told anything about is looked at again, milliseconds. */
  recheckMs: number;
  onError: (error: unknown) => void;
}

type Action = 'read' | 'write';

/** The close code of a person whose access ended. Codes from 4000 on are the application's own. */
export const accessEnded = 4403;
const tryAgainLater = 1013;

/** WebSockets that act as a user. */
export interface Live {
  /** For the server's `upgrade` event. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Tells everybody of an organization who may still read, and ends the others' connections. Never throws. */
  tell(organizationId: string, message: { title: string }): Promise<void>;
  /** Ends the connections of a person in an organization. Returns how many. */
  close(person: { userId: string; organizationId: string }): number;
  stop(): void;
}

/**
 * A connection outlives the request that opened it, so one answer of the gate is not enough. The gate is asked before
 * anything goes through it, in either direction: what is sent to a connection is read by whoever holds it. And the
 * connection ends: by Tenure's notification `access.closed` as soon as that arrives, else by the gate, which is asked
 * every half minute too, because a notification may be late or reach another process.
 */
export function createLive(options: LiveOptions): Live {
  const { gate, isAlive, onError } = options;
  const server = new WebSocketServer({ noServer: true, maxPayload: 4_096 });
  const connections = new Map<WebSocket, Actor>();
  const recheck = async (socket: WebSocket, actor: Actor, action: Action): Promise<boolean> => {
    const { userId, organizationId, credentialId } = actor;
    try {
      const { allowed, reason } = await gate.check({ userId, organizationId, action });
      if (reason === 'unavailable') throw new Error('The gate does not answer.');
      if (allowed && (await isAlive(credentialId))) return true;
      socket.close(accessEnded, 'access ended');
    } catch (error) {
      onError(error);
      // Nobody knows: nobody goes on, and nobody is told that their access ended.
      socket.close(tryAgainLater, 'try again later');
    }
    return false;
  };
  // One read of the gate and one of the sessions a connection. With very many, give the gate a `readCacheMs`.
  const tell: Live['tell'] = async (organizationId, message) => {
    const text = JSON.stringify(message);
    const theirs = [...connections].filter(([, actor]) => actor.organizationId === organizationId);
    const told = theirs.map(async ([socket, actor]) => {
      // One that was closed meanwhile takes nothing more: ws drops it.
      if (await recheck(socket, actor, 'read')) socket.send(text, () => undefined);
    });
    await Promise.all(told);
  };
  const timer = setInterval(() => {
    for (const [socket, actor] of connections) void recheck(socket, actor, 'read');
  }, options.recheckMs);

  async function passOn(socket: WebSocket, actor: Actor, title: string): Promise<void> {
    if (await recheck(socket, actor, 'write')) await tell(actor.organizationId, { title });
  }

  function open(socket: WebSocket, actor: Actor): void {
    connections.set(socket, actor);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', onError);
    socket.on('message', (data: Buffer) => {
      void passOn(socket, actor, data.toString().slice(0, 200));
    });
    // It may have closed between the gate's answer and now, and the notification come too early.
    void recheck(socket, actor, 'read');
  }

  return {
    async upgrade(request, socket, head) {
      // First of all: Node took its own handlers away, and an 'error' that nobody listens to ends the process. A
      // client that resets while somebody is asked about it would be enough, with any cookie or none.
      const hangUp = (): void => void socket.destroy();
      socket.on('error', hangUp);
      try {
        const actor = await admit(options, request);
        if (socket.destroyed) return;
        if (actor === null) refuse(socket);
        else server.handleUpgrade(request, socket, head, (opened) => open(opened, actor));
      } catch (error) {
        onError(error);
        refuse(socket);
      }
    },
    tell,
    close({ userId, organizationId }) {
      const theirs = [...connections].filter(
        ([, actor]) => actor.userId === userId && actor.organizationId === organizationId,
      );
      for (const [socket] of theirs) socket.close(accessEnded, 'access ended');
      return theirs.length;
    },
    stop() {
      clearInterval(timer);
      for (const socket of connections.keys()) socket.close(tryAgainLater, 'restart');
      server.close();
    },
  };
}

async function admit(options: LiveOptions, request: IncomingMessage): Promise<Actor | null> {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  if (path !== '/live' || request.headers.origin !== options.origin) return null;
  const actor = await options.actorOf(request);
  if (actor === null) return null;
  const { userId, organizationId } = actor;
  const { allowed } = await options.gate.check({ userId, organizationId, action: 'read' });
  return allowed ? actor : null;
}

function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}
