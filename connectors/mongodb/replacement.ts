import type { Document } from 'mongodb';

/** An aggregation expression: a path or variable, or an operator. */
type Expression = string | Document;

/** What a personal field becomes: another text where something stands in it, or nothing at all. */
export type Replacement = { text: string } | 'remove';

/** One field and what becomes of it. */
export interface FieldChange {
  /** Dotted path; through arrays it means every element. */
  path: string;
  becomes: Replacement;
}

/** Whose values are replaced. */
export interface Owner {
  /** The field with the user's id. */
  path: string;
  /** The id in every form in which it may be written. */
  ids: unknown[];
}

/** How one field changes: the stage of an update, and a condition that is true while there is something to change. */
export interface FieldUpdate {
  stage: Document;
  isPending: Document;
}

/**
 * The change of one field as a server-side expression, so that an element that the host adds to an array
 * meanwhile is neither lost nor missed. The same expression tells what is pending, so that "what would be
 * changed" and "what is still there" can never differ.
 *
 * Nothing is created: a missing or null field stays as it is. Where the owner's id stands in the same
 * array elements (`authors.userId` and `authors.email`), only the elements with that id change.
 */
export function fieldUpdate(change: FieldChange, owner: Owner): FieldUpdate {
  const segments = change.path.split('.');
  const ownerSegments = owner.path.split('.');
  const walk: Walk = {
    segments,
    becomes: change.becomes,
    shared: 0,
    ownerSegments,
    ids: owner.ids,
  };
  while (
    walk.shared < Math.min(segments.length, ownerSegments.length) - 1 &&
    segments[walk.shared] === ownerSegments[walk.shared]
  ) {
    walk.shared += 1;
  }
  const first = segments[0] ?? '';
  const current = `$${first}`;
  const replaced = bound('top', current, (value) => valueAt(walk, 1, value));
  return { stage: { $set: { [first]: replaced } }, isPending: { $ne: [replaced, current] } };
}

interface Walk {
  segments: string[];
  becomes: Replacement;
  /** How many leading segments the field has in common with the owner's path. */
  shared: number;
  ownerSegments: string[];
  ids: unknown[];
}

/** The new value at a path of which `depth` segments are walked. `value` is a variable. */
function valueAt(walk: Walk, depth: number, value: string): Expression {
  if (depth === walk.segments.length) return leaf(walk.becomes, value);
  const element = `element${depth}`;
  return when(
    { $isArray: [value] },
    { $map: { input: value, as: element, in: documentAt(walk, depth, `$$${element}`) } },
    documentAt(walk, depth, value),
  );
}

/** The new document at that path: only the field of the next segment differs, in the place it had. */
function documentAt(walk: Walk, depth: number, document: string): Expression {
  const name = { $literal: walk.segments[depth] ?? '' };
  const replaced = {
    $setField: {
      field: name,
      input: document,
      value: bound(`field${depth}`, { $getField: { field: name, input: document } }, (value) =>
        valueAt(walk, depth + 1, value),
      ),
    },
  };
  const isDocument = { $eq: [{ $type: document }, 'object'] };
  const concerned =
    depth === walk.shared ? { $and: [isDocument, carriesId(walk, document)] } : isDocument;
  return when(concerned, replaced, document);
}

function carriesId(walk: Walk, document: string): Expression {
  const ids = `${document}.${walk.ownerSegments.slice(walk.shared).join('.')}`;
  const present = when({ $isArray: [ids] }, ids, [ids]);
  return { $gt: [{ $size: { $setIntersection: [present, { $literal: walk.ids }] } }, 0] };
}

function leaf(becomes: Replacement, value: string): Expression {
  if (becomes === 'remove') return when(isPresent(value), '$$REMOVE', value);
  const text = { $literal: becomes.text };
  const each = {
    $map: { input: value, as: 'each', in: when(isPresent('$$each'), text, '$$each') },
  };
  return when(isPresent(value), when({ $isArray: [value] }, each, text), value);
}

/** Null and missing sort below everything else. */
function isPresent(value: string): Expression {
  return { $gt: [value, null] };
}

function when(condition: Expression, then: Expression | unknown[], otherwise: unknown): Document {
  return { $cond: [condition, then, otherwise] };
}

/** Binds a value to a variable: written out at each use, a deep path would double in size at every step. */
function bound(name: string, value: Expression, body: (variable: string) => Expression): Document {
  return { $let: { vars: { [name]: value }, in: body(`$$${name}`) } };
}
