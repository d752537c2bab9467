import type { HostApplication } from './host-application.ts';

/**
 * The host application, which has ids of its own for some users: what is named by Tenure's id is named by
 * theirs there. Memberships and projected users carry the host's id already.
 *
 * @param idOf the host's id of a user; anything that is no user of Tenure, such as an organization's account or
 *   an id of the host, comes back as it is
 */
export function callingUsersByHostIds(
  host: HostApplication,
  idOf: (userId: string) => Promise<string>,
): HostApplication {
  return {
    ...host,
    changeOwner: async ({ resources, from, to }) =>
      host.changeOwner({ resources, from: await idOf(from), to: await idOf(to) }),
    ownsResource: async (userId, resource) => host.ownsResource(await idOf(userId), resource),
    anonymize: async (erasure, beat) =>
      host.anonymize({ ...erasure, userId: await idOf(erasure.userId) }, beat),
    countPersonalData: async (erasure) =>
      host.countPersonalData({ ...erasure, userId: await idOf(erasure.userId) }),
  };
}
