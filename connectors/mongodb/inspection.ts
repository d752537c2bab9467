import type { Db, Document, IndexDescriptionInfo } from 'mongodb';

import type { HostFile } from '../../domain/host-file.ts';
import { expectationsOf, type FoundBy } from './expectations.ts';
import { contradictions, type Contradiction } from './samples.ts';

/**
 * Something that the host file names and the database does not have (yet), has without an index, or has
 * otherwise than the file says.
 */
export interface HostFinding {
  severity: 'warning';
  code: 'collectionMissing' | 'indexMissing' | Contradiction['code'];
  /** `collection`, or `collection.field`. Names from the host file, never a value. */
  where: string;
}

/** How many of the newest documents are looked at for a field. */
const sampleSize = 200;
const sampleTimeoutMs = 5_000;

/**
 * Compares the host file with the host's database and tells what differs. Refuses nothing and writes nothing:
 * what does not exist counts as empty until its first document comes, and a missing index only makes Tenure
 * slow and the host's database busy.
 */
export async function inspectHost(db: Db, file: HostFile): Promise<HostFinding[]> {
  const existing = await db.listCollections({}, { nameOnly: true }).toArray();
  const names = new Set(existing.map(({ name }) => name));
  const findings = new Map<string, HostFinding>();
  const report = (code: HostFinding['code'], where: string): void => {
    findings.set(`${code} ${where}`, { severity: 'warning', code, where });
  };
  for (const expected of expectationsOf(file)) {
    const { collection, foundBy } = expected;
    if (!names.has(collection)) {
      report('collectionMissing', collection);
      continue;
    }
    const sample = await newest(db, collection);
    for (const { code, field } of contradictions(sample, expected)) {
      report(code, `${collection}.${field}`);
    }
    if (foundBy !== null && !(await hasIndex(db, collection, foundBy))) {
      report('indexMissing', `${collection}.${foundBy.user}`);
    }
  }
  return [...findings.values()];
}

async function newest(db: Db, collection: string): Promise<Document[]> {
  return db
    .collection(collection)
    .find({}, { sort: { $natural: -1 }, limit: sampleSize, maxTimeMS: sampleTimeoutMs })
    .toArray();
}

/** Whether documents can be found without reading the whole collection. A view has no indexes of its own to ask for. */
async function hasIndex(db: Db, collection: string, foundBy: FoundBy): Promise<boolean> {
  if (foundBy.user === '_id') return true;
  const [info] = await db.listCollections({ name: collection }).toArray();
  if (info?.type === 'view') return true;
  const indexes = await db.collection(collection).indexes();
  return indexes.some((index) => serves(index, foundBy));
}

/** A partial or hidden index serves no query of Tenure's. */
function serves(index: IndexDescriptionInfo, foundBy: FoundBy): boolean {
  if (index.partialFilterExpression !== undefined || index.hidden === true) return false;
  const [first, second] = Object.keys(index.key);
  if (first === '$**' || first === foundBy.user) return true;
  return first !== undefined && first === foundBy.organization && second === foundBy.user;
}
