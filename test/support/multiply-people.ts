import type { Document } from 'mongodb';

import type { Collections, Store } from '../../platform/mongo/store.ts';

/** So many copies of the people in the store, with ids of their own, in every collection that knows of people. */
export async function multiplyPeople(store: Store, copies: number): Promise<void> {
  const names = [
    'memberships',
    'users',
    'directoryUsers',
    'directoryEdges',
    'gate',
    'timeline',
    'inbox',
  ] as const satisfies (keyof Collections)[];
  for (const name of names) {
    const collection = store.db.collection(store.collections[name].collectionName);
    const patterns = await collection.find().limit(200).toArray();
    for (let done = 0; done < copies; done += 1000) {
      const batch = Array.from({ length: Math.min(1000, copies - done) }, (_, nth) =>
        renamed(patterns[(done + nth) % patterns.length] ?? {}, `-copy${done + nth}`),
      );
      await collection.insertMany(batch, { ordered: false });
    }
  }
}

/** Every id, address and name of a person gets an ending of its own; the organization and directory stay. */
function renamed(value: Document, ending: string): Document {
  const text = JSON.stringify(value, (_key, held: unknown) =>
    typeof held === 'string' && isOwn(held) ? `${held}${ending}` : held,
  );
  return withDates(value, JSON.parse(text));
}

function isOwn(text: string): boolean {
  return /^(membership|user|directory_user|mirror|event|idp-|name_)|@|\/directory_user_/.test(text);
}

/** JSON has no dates: they are taken over from the pattern. */
function withDates(pattern: unknown, copy: unknown): Document {
  const walk = (from: unknown, to: unknown): unknown => {
    if (from instanceof Date) return from;
    if (Array.isArray(from) && Array.isArray(to)) return from.map((one, at) => walk(one, to[at]));
    if (isRecord(from) && isRecord(to)) {
      return Object.fromEntries(Object.keys(from).map((key) => [key, walk(from[key], to[key])]));
    }
    return to;
  };
  const walked = walk(pattern, copy);
  return isRecord(walked) ? walked : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
