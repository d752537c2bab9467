import { fileURLToPath } from 'node:url';

import { bundleWorkflowCode } from '@temporalio/worker';

/** Bundles the workflow code as Temporal's sandbox runs it. A second's work; production does it when the image is built. */
export async function bundleWorkflows(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    logger: { ...silent, log: silent.trace },
  });
  return code;
}

const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
