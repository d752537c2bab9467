import type { Db, Document, IndexDescriptionInfo } from 'mongodb';

import { mongodbSessions, type HostFile } from '../../domain/host-file.ts';

/** Something that the host file names and the database does not have (yet), or has without an index. */
export interface HostFinding {
  severity: 'warning';
  code: 'collectionMissing' | 'fieldMissing' | 'indexMissing';
  /** `collection`, or `collection.field`. Names from the host file, never a value. */
  where: string;
}

/** What the host file expects of one collection. */
interface Expected {
  collection: string;
  fields: string[];
  /** The field that documents are found by, and the one that narrows it down. Null: found by `_id`. */
  foundBy: { user: string; organization: string | null } | null;
}

/** How many of the newest documents are looked at for a field. */
const sampleSize = 200;
const sampleTimeoutMs = 5_000;

/**
 * Compares the host file with the host's database and tells what is missing. Refuses nothing and writes
 * nothing: what does not exist counts as empty, and a missing index only makes Tenure slow and the host's
 * database busy.
 */
export async function inspectHost(db: Db, file: HostFile): Promise<HostFinding[]> {
  const existing = await db.listCollections({}, { nameOnly: true }).toArray();
  const names = new Set(existing.map(({ name }) => name));
  const findings = new Map<string, HostFinding>();
  const report = (code: HostFinding['code'], where: string): void => {
    findings.set(`${code} ${where}`, { severity: 'warning', code, where });
  };
  for (const expected of expectations(file)) {
    if (!names.has(expected.collection)) {
      report('collectionMissing', expected.collection);
      continue;
    }
    for (const field of await unseenFields(db, expected)) {
      report('fieldMissing', `${expected.collection}.${field}`);
    }
    if (expected.foundBy !== null && !(await hasIndex(db, expected.collection, expected.foundBy))) {
      report('indexMissing', `${expected.collection}.${expected.foundBy.user}`);
    }
  }
  return [...findings.values()];
}

function expectations(file: HostFile): Expected[] {
  const expected: Expected[] = [];
  if (file.users !== null) {
    // `disabledAt` is Tenure's to write: nobody has it before the first leaving.
    const { disabledAt: _written, ...read } = file.users.fields;
    expected.push({
      collection: file.users.collection,
      fields: Object.values(read),
      foundBy: null,
    });
  }
  for (const source of mongodbSessions(file)) expected.push(expectedOf(source, source.user, []));
  for (const kind of file.resources) expected.push(expectedOf(kind, kind.owner, []));
  for (const rule of file.personalData) {
    expected.push(expectedOf(rule, rule.user, Object.keys(rule.fields)));
  }
  return expected;
}

function expectedOf(
  named: { collection: string; organization: string | null },
  user: string,
  fields: string[],
): Expected {
  const { collection, organization } = named;
  const belonging = organization === null ? [user] : [user, organization];
  return { collection, fields: [...belonging, ...fields], foundBy: { user, organization } };
}

/** The fields that none of the sampled documents has. An empty collection says nothing about its fields. */
async function unseenFields(db: Db, expected: Expected): Promise<string[]> {
  const sample = await db
    .collection(expected.collection)
    .find({}, { sort: { $natural: -1 }, limit: sampleSize, maxTimeMS: sampleTimeoutMs })
    .toArray();
  if (sample.length === 0) return [];
  return expected.fields.filter(
    (field) => !sample.some((document) => hasPath(document, field.split('.'))),
  );
}

/** Whether a value has the path, in any element where it leads through arrays. */
function hasPath(value: unknown, path: string[]): boolean {
  const [name, ...rest] = path;
  if (name === undefined) return true;
  if (Array.isArray(value)) return value.some((element) => hasPath(element, path));
  return isDocument(value) && Object.hasOwn(value, name) && hasPath(value[name], rest);
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null;
}

/** Whether documents can be found without reading the whole collection. A view has no indexes of its own to ask for. */
async function hasIndex(
  db: Db,
  collection: string,
  foundBy: { user: string; organization: string | null },
): Promise<boolean> {
  if (foundBy.user === '_id') return true;
  const [info] = await db.listCollections({ name: collection }).toArray();
  if (info?.type === 'view') return true;
  const indexes = await db.collection(collection).indexes();
  return indexes.some((index) => serves(index, foundBy));
}

/** A partial or hidden index serves no query of Tenure's. */
function serves(
  index: IndexDescriptionInfo,
  foundBy: { user: string; organization: string | null },
): boolean {
  if (index.partialFilterExpression !== undefined || index.hidden === true) return false;
  const [first, second] = Object.keys(index.key);
  if (first === '$**' || first === foundBy.user) return true;
  return first !== undefined && first === foundBy.organization && second === foundBy.user;
}
