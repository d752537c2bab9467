import {
  mongodbSessions,
  type HostFile,
  type IdType,
  type Marking,
  type MongodbSessions,
} from '../../domain/host-file.ts';

/** The field that documents are found by, and the one that narrows it down. */
export interface FoundBy {
  user: string;
  organization: string | null;
}

/** What the host file expects of one collection. */
export interface Expected {
  collection: string;
  /** Fields that the host application writes. */
  fields: string[];
  /** Fields that say that a credential is revoked. Nobody may have them before the first one is. */
  markings: string[];
  /** Fields in which Tenure reads and writes a time. */
  times: string[];
  /** The field with the user's id, how Tenure writes it there, and what in it is no user's. */
  user: { field: string; type: IdType; isStandIn: (value: unknown) => boolean };
  /** The field with the organization's id. */
  organization: string | null;
  /** Null: documents are found by `_id`. */
  foundBy: FoundBy | null;
}

/** What the file expects, collection by collection; one that it names twice is there twice. */
export function expectationsOf(file: HostFile): Expected[] {
  const expected: Expected[] = [];
  if (file.users !== null) {
    // `disabledAt` is Tenure's to write: nobody has it before the first leaving.
    const { disabledAt: _written, ...read } = file.users.fields;
    expected.push({
      collection: file.users.collection,
      fields: Object.values(read),
      markings: [],
      times: [],
      user: { field: '_id', type: file.users.id, isStandIn: never },
      organization: null,
      foundBy: null,
    });
  }
  for (const source of mongodbSessions(file)) expected.push(ofSessions(source));
  for (const kind of file.resources) {
    const owned = belonging({ ...kind, user: kind.owner });
    expected.push({ ...owned, user: { ...owned.user, isStandIn: standInOf(file) } });
  }
  for (const rule of file.personalData) expected.push(belonging(rule, Object.keys(rule.fields)));
  return expected;
}

function ofSessions(source: MongodbSessions): Expected {
  const revoke = source.revoke === 'delete' ? null : source.revoke;
  const refresh = typeof source.onRoleLoss === 'string' ? null : source.onRoleLoss;
  return {
    ...belonging(source),
    markings: Object.keys(revoke?.set ?? {}),
    times: [...timesOf(revoke), ...timesOf(refresh)],
  };
}

function timesOf(marking: Marking | null): string[] {
  const fields = Object.entries(marking?.set ?? {});
  return fields.flatMap(([field, value]) => (value === 'now' ? [field] : []));
}

function belonging(
  named: { collection: string; user: string; organization: string | null; idType: IdType },
  fields: string[] = [],
): Expected {
  const { collection, user, organization, idType } = named;
  return {
    collection,
    fields: [user, ...(organization === null ? [] : [organization]), ...fields],
    markings: [],
    times: [],
    user: { field: user, type: idType, isStandIn: never },
    organization,
    foundBy: { user, organization },
  };
}

function never(): boolean {
  return false;
}

/** Whether a value stands in an owner field for an organization, whichever it is. */
function standInOf({ organizationOwner }: HostFile): (value: unknown) => boolean {
  const [before = '', ...others] = organizationOwner.split('{organizationId}');
  const after = others.at(-1) ?? '';
  return (value) =>
    typeof value === 'string' &&
    value.length > before.length + after.length &&
    value.startsWith(before) &&
    value.endsWith(after);
}
