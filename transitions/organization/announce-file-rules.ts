import type { HostFile } from '../../domain/host-file.ts';
import { accessRulesOf, type AccessRules } from '../../domain/policy.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { sameValue } from '../same-value.ts';

/** The document of `fences` that holds the announced rules. */
const announcementId = 'fileRules';

/** What a host file says of who is in, for organizations without a policy of their own. */
export function fileRulesOf({ defaults }: Pick<HostFile, 'defaults'>): AccessRules {
  return accessRulesOf(resolvePolicy(null, defaults.policy));
}

/**
 * Writes down what this process's host file says of who is in, for every organization to take over
 * (`spread-file-rules.ts`). The last worker to start is believed; while processes with different files run,
 * all of them judge by what is written down and none by its own file. Returns whether that replaced
 * something else.
 *
 * @param firstOnly what was announced already stands: for the API, whose file is believed only while no
 *   worker has ever started
 */
export async function announceFileRules(
  store: Store,
  file: Pick<HostFile, 'defaults'>,
  { firstOnly = false }: { firstOnly?: boolean } = {},
): Promise<boolean> {
  const { fences } = store.collections;
  const rules = fileRulesOf(file);
  const { upsertedCount } = await fences.updateOne(
    { _id: announcementId },
    { $setOnInsert: { revision: 1, rules } },
    { upsert: true },
  );
  if (upsertedCount > 0 || firstOnly) return false;
  const found = await fences.findOne({ _id: announcementId });
  if (sameValue(found?.rules, rules)) return false;
  await fences.updateOne({ _id: announcementId }, { $inc: { revision: 1 }, $set: { rules } });
  return true;
}

/** What is announced, as this transaction sees it; null: no process has announced anything yet. */
export async function announcedRules(
  tx: Pick<Transaction, 'collections' | 'session'>,
): Promise<AccessRules | null> {
  const { session } = tx;
  const found = await tx.collections.fences.findOne({ _id: announcementId }, { session });
  return found?.rules ?? null;
}

/** What is announced now. */
export async function announcedNow({ collections }: Store): Promise<AccessRules | null> {
  const found = await collections.fences.findOne({ _id: announcementId });
  return found?.rules ?? null;
}
