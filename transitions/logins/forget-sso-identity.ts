import type { Membership } from '../../domain/membership.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { runCommand, type CommandBy } from '../commands/command.ts';

/**
 * Lets go of the ids that logins taught: the identity provider made the person's account anew, and an admin
 * has made sure that it is the same person. The next login is matched by address once more. What a directory
 * told stays.
 */
export async function forgetSsoIdentity(store: Store, by: CommandBy): Promise<Membership> {
  return runCommand(store, by, async (tx, membership, note, reasonId) => {
    const taught = { $ifNull: ['$ssoIdpIds', []] };
    const { modifiedCount } = await tx.collections.gate.updateOne(
      { _id: membership._id, ssoIdpIds: { $exists: true } },
      [
        { $set: { idpIds: { $setDifference: ['$idpIds', taught] } } },
        { $unset: ['ssoIdpIds', 'ssoConnectionIds'] },
      ],
      { session: tx.session },
    );
    if (modifiedCount > 0) note('ssoIdentityForgotten', {}, reasonId);
  });
}
