import { NotFoundException } from '@workos-inc/node';
import { z } from 'zod';

import { createWorkos, type WorkosAccess } from './client.ts';

/** What WorkOS says of a directory or a directory user at this moment. */
export type Lookup =
  | { answer: 'found'; data: unknown }
  | { answer: 'missing' }
  | { answer: 'uncertain' };

/**
 * Asks WorkOS about single people. Anything but a clear answer (401, 403, 429, 5xx, a timeout, a malformed
 * body) is `uncertain`: before something irreversible, uncertain means wait.
 */
export interface DirectoryLookup {
  /**
   * `found` only while the directory is connected: with broken credentials it tells of nobody's return
   * (`uncertain`), and one that was unlinked or is being deleted answers for nobody (`missing`).
   */
  directory(id: string): Promise<Lookup>;
  directoryUser(id: string): Promise<Lookup>;
  /** Every directory user with this `idp_id` in the directory; `found` carries a list in `data`. */
  directoryUsersByIdpId(directoryId: string, idpId: string): Promise<Lookup>;
}

const single = z.object({ id: z.string().min(1) });
/** REST says `linked` and `unlinked` where events say `active` and `inactive`. */
const connected = single.extend({ state: z.enum(['linked', 'active']) });
const disconnected = single.extend({ state: z.enum(['unlinked', 'inactive', 'deleting']) });
const list = z.object({ data: z.array(single) });

/** The lookup through the real WorkOS client. */
export function createDirectoryLookup(access: WorkosAccess): DirectoryLookup {
  const workos = createWorkos(access);
  const get = async (
    path: string,
    query: Record<string, string>,
    shape: z.ZodType,
  ): Promise<Lookup> => {
    try {
      // The plain call keeps the wire shape, which the schemas of the intake read.
      const { data } = await workos.get(path, { query });
      return shape.safeParse(data).success ? { answer: 'found', data } : { answer: 'uncertain' };
    } catch (error) {
      return { answer: error instanceof NotFoundException ? 'missing' : 'uncertain' };
    }
  };
  return {
    directory: async (id) => {
      const lookup = await get(`/directories/${encodeURIComponent(id)}`, {}, single);
      if (lookup.answer !== 'found' || connected.safeParse(lookup.data).success) return lookup;
      return { answer: disconnected.safeParse(lookup.data).success ? 'missing' : 'uncertain' };
    },
    directoryUser: async (id) => get(`/directory_users/${encodeURIComponent(id)}`, {}, single),
    directoryUsersByIdpId: async (directoryId, idpId) =>
      get('/directory_users', { directory: directoryId, idp_id: idpId, limit: '100' }, list),
  };
}
