import { defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing: () => Promise<void> }>({
  startToCloseTimeout: '1m',
});

/** The smallest possible lifecycle: started by signalWithStart, one activity, and it ends. */
export async function floor(): Promise<void> {
  setHandler(defineSignal('lookAgain'), () => undefined);
  await nothing();
}
