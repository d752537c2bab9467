import { MongoClient, MongoServerError } from 'mongodb';

/** Name of the one-node replica set: transactions and change streams need one. */
const replicaSet = 'rs0';

/**
 * The arguments of an embedded mongod.
 *
 * `slowOpSampleRate 0` with the profiler off keeps the log from ever printing a command: its slow-query
 * lines hold whole documents and filters, which are personal data. Server-side JavaScript is off because
 * nothing uses it. The short shutdown time is for a node that has no secondary to wait for.
 */
export function mongodArguments(port: number, dataDirectory: string): string[] {
  return [
    `--port=${port}`,
    '--bind_ip=127.0.0.1',
    `--dbpath=${dataDirectory}`,
    `--replSet=${replicaSet}`,
    '--wiredTigerCacheSizeGB=0.5',
    '--oplogSize=256',
    '--profile=0',
    '--slowOpSampleRate=0',
    '--noscripting',
    // A killed process leaves its open transactions behind, and their locks: by default for a minute, in which
    // every event that touches the same person or organization is answered 503.
    '--setParameter=transactionLifetimeLimitSeconds=5',
    '--setParameter=shutdownTimeoutMillisForSignaledShutdown=100',
    '--setParameter=diagnosticDataCollectionEnabled=false',
  ];
}

/** The address of an embedded mongod, for any client. */
export function mongodUrl(port: number): string {
  return `mongodb://127.0.0.1:${port}/?replicaSet=${replicaSet}`;
}

/**
 * Whether the node is a writable primary; on the way there it makes the replica set, or moves it to this
 * port where the data were made on another one. Calling it again changes nothing.
 */
export async function isMongodReady(port: number): Promise<boolean> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 1_000,
    connectTimeoutMS: 1_000,
  });
  try {
    const hello = await client.db('admin').command({ hello: 1 });
    if (hello['isWritablePrimary'] === true) return true;
    await formReplicaSet(client, `127.0.0.1:${port}`);
    return false;
  } catch {
    // Not there yet, or in the middle of an election: the caller asks again until its own deadline.
    return false;
  } finally {
    await client.close();
  }
}

async function formReplicaSet(client: MongoClient, host: string): Promise<void> {
  const admin = client.db('admin');
  const members = [{ _id: 0, host }];
  try {
    const { config } = await admin.command({ replSetGetConfig: 1 });
    if (config.members.length === 1 && config.members[0].host === host) return;
    const moved = { ...config, members, version: config.version + 1 };
    await admin.command({ replSetReconfig: moved, force: true });
  } catch (error) {
    const isNew = error instanceof MongoServerError && error.codeName === 'NotYetInitialized';
    if (!isNew) throw error;
    await admin.command({ replSetInitiate: { _id: replicaSet, members } });
  }
}
