import type { z } from 'zod';

import { didYouMean } from '../did-you-mean.ts';
import {
  isWritten,
  positionOf,
  positionOfKey,
  type LocatedDocument,
  type Position,
} from './position.ts';

/** One mistake of a host file. `path` is empty for the file as a whole. */
export interface Mistake {
  position: Position;
  path: string;
  problem: string;
}

type Issue = z.core.$ZodIssue;

/** The mistakes behind one issue of the schema: several where a map has several unknown keys. */
export function mistakesOf(issue: Issue, located: LocatedDocument, known: KnownKeys): Mistake[] {
  return leavesOf(issue).flatMap((leaf) => {
    if (leaf.code === 'unrecognized_keys') {
      return leaf.keys.map((key) => ({
        position: positionOfKey(located, leaf.path, key),
        path: written([...leaf.path, key]),
        // What another kind of entry knows is among them, and may be this very key.
        problem: `is not known.${didYouMean(
          key,
          known(leaf.path).filter((name) => name !== key),
        )}`,
      }));
    }
    if (leaf.code === 'invalid_key') {
      const name = String(leaf.path.at(-1));
      const problem = leaf.issues[0]?.message ?? leaf.message;
      const position = positionOfKey(located, leaf.path.slice(0, -1), name);
      return [{ position, path: written(leaf.path), problem }];
    }
    const missing = leaf.code === 'invalid_type' && !isWritten(located, leaf.path);
    const problem = leaf.message.replace(/^Invalid input: /, '').replace(/^Too (big|small): /, '');
    return [
      {
        position: positionOf(located, leaf.path),
        path: written(leaf.path),
        problem: missing ? 'is missing' : problem,
      },
    ];
  });
}

/** The keys that a map at this path may have. */
export type KnownKeys = (path: readonly PropertyKey[]) => readonly string[];

/**
 * Where one branch of a union was clearly meant (the value is of its type, something inside it is wrong),
 * the mistakes inside say more than "none of these".
 */
function leavesOf(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find(
    (branch) =>
      branch.length > 0 &&
      branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
  if (meant === undefined) return [issue];
  return meant.flatMap((inner) => leavesOf({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** `sessions[0].revoke.set`: the way an administrator would say it. */
export function written(path: readonly PropertyKey[]): string {
  const parts = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return parts.join('').replace(/^\./, '');
}
