import { join } from 'node:path';
import type { Part } from '../supervisor/part.ts';
import { withoutDocuments } from './mongod-log.ts';
import { isMongodReady, mongodArguments } from './mongod-process.ts';
import { isTemporalReady, temporalArguments } from './temporal-process.ts';

/** Where a part keeps its data and its log. */
export interface PartPlace {
  /** Exists already. */
  readonly dataDirectory: string;
  readonly logDirectory: string;
  /** The environment of the process. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** An embedded mongod, a one-node replica set. */
export function mongodPart(binary: string, port: number, place: PartPlace): Part {
  return {
    name: 'mongod',
    command: binary,
    args: mongodArguments(port, place.dataDirectory),
    env: () => place.env,
    logFile: join(place.logDirectory, 'mongod.log'),
    filterLog: withoutDocuments,
    after: [],
    ready: () => isMongodReady(port),
    readyTimeoutMs: 60_000,
    stopGraceMs: 20_000,
  };
}

/** An embedded Temporal development server. */
export function temporalPart(
  binary: string,
  ports: { readonly port: number; readonly uiPort: number | null },
  place: PartPlace,
): Part {
  const databaseFile = join(place.dataDirectory, 'temporal.db');
  return {
    name: 'temporal',
    command: binary,
    args: temporalArguments({ ...ports, databaseFile }),
    // No answer to WorkOS and no access check ever waits for Temporal.
    yields: true,
    env: () => place.env,
    logFile: join(place.logDirectory, 'temporal.log'),
    after: [],
    ready: () => isTemporalReady(binary, ports.port),
    readyTimeoutMs: 60_000,
    stopGraceMs: 10_000,
  };
}
