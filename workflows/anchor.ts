import { condition } from '@temporalio/workflow';

/**
 * The anchor: a run that only exists. It carries a random epoch in its memo that MongoDB holds too; a
 * missing anchor, or another epoch, means that Temporal's memory was lost, and every pending membership
 * is made to look again.
 */
export async function anchor(): Promise<void> {
  await condition(() => false);
}
