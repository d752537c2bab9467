import {
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  sleep,
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import * as profiles from './activity-options.ts';

type PollResult = Awaited<ReturnType<Activities['pollEvents']>>;

const { pollEvents } = proxyActivities<Activities>(profiles.polling);

/** The pause after a failure that repeating at once would only repeat. */
const pauseAfterFailureMs = 60_000;

/**
 * Reads the Events API for the whole deployment, one poll after another, for as long as polling is on. It holds nothing:
 * how far it read is in MongoDB, so that it may be ended, lost and started again at any time.
 */
export async function eventsPoller(): Promise<void> {
  for (;;) {
    const result = await poll();
    if (result !== null && !result.polls) return;
    if (result !== null) setCurrentDetails(inWords(result));
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof eventsPoller>();
    if (result?.more !== true) {
      const pauseMs = result?.pauseMs ?? pauseAfterFailureMs;
      await sleep(pauseMs, { summary: 'until the next poll' });
    }
  }
}

/** null: it failed in a way that Temporal does not repeat. The poller never ends by it. */
async function poll(): Promise<PollResult | null> {
  try {
    return await pollEvents();
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    log.warn('A poll failed; the next one comes in its turn.');
    return null;
  }
}

function inWords({ taken, known, quarantined }: Extract<PollResult, { polls: true }>): string {
  return `last poll: ${taken} events taken in, ${known} known already, ${quarantined} in quarantine`;
}
