import { randomInt } from 'node:crypto';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { commandOf } from './process-identity.ts';

const loopback = '127.0.0.1';

/**
 * Whether a TCP port can be listened on, on 127.0.0.1 and on all addresses: some systems allow the one
 * while another process does the other.
 */
export async function isPortFree(port: number): Promise<boolean> {
  return (await canListen({ port, host: loopback })) && (await canListen({ port }));
}

function canListen(address: { readonly port: number; readonly host?: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ ...address, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}

/** Below what systems give to outgoing connections (Linux from 32,768, others from 49,152). */
const quietPorts = [20_000, 32_000] as const;
const mostTries = 50;

/**
 * A free TCP port of 127.0.0.1. Nothing keeps another process from listening on it, but no connection that
 * somebody opens can take it, as it would one that the system gives.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const port = randomInt(...quietPorts);
    if (await isPortFree(port)) return port;
  }
  return portOfSystem();
}

function portOfSystem(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, loopback, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('the system gave no port'));
      });
    });
  });
}

/** Whether something accepts connections on a port of 127.0.0.1. */
export function accepts(port: number, timeoutMs = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: loopback, timeout: timeoutMs });
    const finish = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => finish(true));
    socket.once('timeout', () => finish(false));
    socket.once('error', () => finish(false));
  });
}

/**
 * The first candidate that is free, else one from the system.
 *
 * @param taken ports that are promised to another part already
 */
export async function choosePort(
  candidates: readonly (number | undefined)[],
  taken: ReadonlySet<number>,
): Promise<number> {
  for (const port of candidates) {
    if (port !== undefined && !taken.has(port) && (await isPortFree(port))) return port;
  }
  return freePort();
}

/**
 * Who listens on a port, for an error message: `process 4711 (nginx -g ...)`. Where the system does not tell
 * (another user's process, not Linux), the answer says how to find out.
 */
export async function describePortOwner(port: number): Promise<string> {
  const pid = await portOwner(port);
  if (pid === null) return `another process (lsof -nP -iTCP:${port} -sTCP:LISTEN tells which)`;
  const command = await commandOf(pid);
  return command === null ? `process ${pid}` : `process ${pid} (${command})`;
}

/** The process that listens on a port; null where that cannot be known. Linux only. */
export async function portOwner(port: number): Promise<number | null> {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return null;
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (/^\d+$/.test(pid) && (await holdsSocket(pid, inodes))) return Number(pid);
  }
  return null;
}

async function listeningInodes(port: number): Promise<Set<string>> {
  const inodes = new Set<string>();
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'latin1').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const isListening = fields[3] === '0A';
      if (isListening && fields[1]?.endsWith(suffix) && fields[9]) inodes.add(fields[9]);
    }
  }
  return inodes;
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}
