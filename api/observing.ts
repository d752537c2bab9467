import { observedDecision, type AccessDecision } from '../domain/decide-access.ts';
import type { ApiDeps } from './deps.ts';
import { problemOf } from './problem.ts';

/**
 * The answer in the mode that this Tenure runs in: what was decided, or, while it only observes, that the
 * person is allowed, with what was decided beside it. An outage of the store denies nobody then either.
 */
export async function answerInMode(
  { settings, metrics }: Pick<ApiDeps, 'settings' | 'metrics'>,
  decide: () => Promise<AccessDecision>,
): Promise<AccessDecision> {
  if (!settings.observing) return decide();
  const decided = await decide().catch((error: unknown) => {
    if (problemOf(error).status === 503) return null;
    throw error;
  });
  if (decided?.allowed === false) metrics.deniedInObservation(decided.reason);
  return observedDecision(decided);
}
