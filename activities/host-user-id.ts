import type { Store } from '../platform/mongo/store.ts';

/** What the host application calls a user: by an id of its own, where it said so, else by Tenure's. */
export async function hostUserIdOf(store: Store, userId: string): Promise<string> {
  const user = await store.collections.users.findOne(
    { _id: userId },
    { projection: { hostUserId: 1 } },
  );
  return user?.hostUserId ?? userId;
}
