import { createHash } from 'node:crypto';

import type { Transaction } from '../../platform/mongo/store.ts';

/**
 * Who turns Directory Sync on asks whether anybody is there whom no directory knows; an import asks whether
 * it is on. Both only read what the other writes, so at the same moment each would see the other's absence:
 * somebody would be open for ever in an organization where only a directory may open. An import takes one
 * of these locks, the turning on takes all, so that imports hardly wait for each other.
 */
const locks = 64;

/** Locks Directory Sync as it is for the import of one user. */
export async function lockImport(
  tx: Transaction,
  organizationId: string,
  userId: string,
): Promise<void> {
  const bucket = createHash('sha256').update(userId).digest().readUInt32BE(0) % locks;
  await tx.store.fences.keys(tx, [lockOf(organizationId, bucket)]);
}

/** Waits for every import into the organization, and lets later ones see what this transaction writes. */
export async function lockImports(tx: Transaction, organizationId: string): Promise<void> {
  const all = Array.from({ length: locks }, (_, bucket) => lockOf(organizationId, bucket));
  await tx.store.fences.keys(tx, all);
}

function lockOf(organizationId: string, bucket: number): string {
  return `import/${organizationId}/${bucket}`;
}
