import { NotFoundException } from '@workos-inc/node';
import { z } from 'zod';

import { createWorkos, type WorkosAccess } from './client.ts';

/**
 * The states of a directory in WorkOS's REST API. Events say `active` for `linked` and `inactive` for
 * `unlinked`; no event tells of a change to any but `linked` and of a deletion, so the state is asked for.
 */
const states = ['linked', 'unlinked', 'validating', 'invalid_credentials', 'deleting'] as const;
export type DirectoryState = (typeof states)[number];

const answer = z.object({
  state: z.preprocess(
    (state) => (state === 'active' ? 'linked' : state === 'inactive' ? 'unlinked' : state),
    z.enum(states),
  ),
});

/** Asks for the state of a directory; `uncertain` is any answer that says nothing (401, 429, 5xx, malformed). */
export type AskDirectoryState = (
  directoryId: string,
) => Promise<DirectoryState | 'missing' | 'uncertain'>;

/** The question through the real WorkOS client: `GET /directories/{id}`. */
export function createAskDirectoryState(access: WorkosAccess): AskDirectoryState {
  const workos = createWorkos(access);
  return async (directoryId) => {
    try {
      const { data } = await workos.get(`/directories/${encodeURIComponent(directoryId)}`);
      const parsed = answer.safeParse(data);
      return parsed.success ? parsed.data.state : 'uncertain';
    } catch (error) {
      return error instanceof NotFoundException ? 'missing' : 'uncertain';
    }
  };
}
