import { types } from 'node:util';

import type { Document } from 'mongodb';

import type { IdType } from '../../domain/host-file.ts';
import type { Expected } from './expectations.ts';
import { typeOfId } from './ids.ts';

/** What a sample of documents says against what the host file expects of them. */
export interface Contradiction {
  code: 'fieldMissing' | 'markingMissing' | 'fieldAlike' | 'markingNotDate' | 'idTypeDiffers';
  field: string;
}

/** Compares a sample with the host file. An empty one says nothing. */
export function contradictions(sample: readonly Document[], expected: Expected): Contradiction[] {
  if (sample.length === 0) return [];
  const { fields, markings, times, user, organization } = expected;
  const named = new Set([...fields, ...markings, ...times]);
  const found: Contradiction[] = [];
  const report = (code: Contradiction['code'], those: Iterable<string>): void => {
    for (const field of those) found.push({ code, field });
  };
  report(
    'fieldMissing',
    fields.filter((field) => isMissing(sample, field)),
  );
  report(
    'markingMissing',
    markings.filter((field) => isMissing(sample, field)),
  );
  report(
    'fieldAlike',
    [...named].filter((field) => hasAlike(sample, field, named)),
  );
  report(
    'markingNotDate',
    times.filter((field) => !present(sample, field).every(types.isDate)),
  );
  const ids = present(sample, user.field).filter((value) => !user.isStandIn(value));
  if (differs(ids, user.type)) report('idTypeDiffers', [user.field]);
  // Organizations are looked for in every form, and the host file says none for them.
  if (organization !== null && present(sample, organization).some(isNoId)) {
    report('idTypeDiffers', [organization]);
  }
  return found;
}

function isMissing(sample: readonly Document[], field: string): boolean {
  return !sample.some((document) => valuesAt(document, field.split('.')).length > 0);
}

/**
 * Strings among ids of another type are tolerated: Tenure writes an id so that has no form of that type. None
 * of the type at all is a wrong word in the host file.
 */
function differs(ids: readonly unknown[], type: IdType): boolean {
  if (ids.length === 0) return false;
  const found = new Set(ids.map(typeOfId));
  return !found.has(type) || [...found].some((each) => each !== type && each !== 'string');
}

function isNoId(value: unknown): boolean {
  return typeOfId(value) === null;
}

/**
 * Whether documents have a field of nearly that name (`revoked_at` for `revokedAt`), which the file does not
 * name. A field that Tenure writes itself is not missing any more after the first leaver, but the host
 * application reads the other one as before.
 */
function hasAlike(sample: readonly Document[], field: string, named: Set<string>): boolean {
  const parents = field.split('.');
  const name = parents.pop() ?? '';
  const isAlike = (other: string): boolean =>
    bare(other) === bare(name) && other !== name && !named.has([...parents, other].join('.'));
  return sample.some((document) =>
    valuesAt(document, parents)
      .flat()
      .some((parent) => isDocument(parent) && Object.keys(parent).some(isAlike)),
  );
}

function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '');
}

/** What stands in a field, in every element where it leads through lists; neither null nor undefined. */
function present(sample: readonly Document[], field: string): unknown[] {
  return sample
    .flatMap((document) => valuesAt(document, field.split('.')))
    .flat()
    .filter((value) => value !== null && value !== undefined);
}

/** The values at a path, one for each element where it leads through lists. */
function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  const [name, ...rest] = path;
  if (name === undefined) return [value];
  if (Array.isArray(value)) return value.flatMap((element) => valuesAt(element, path));
  return isDocument(value) && Object.hasOwn(value, name) ? valuesAt(value[name], rest) : [];
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null;
}
