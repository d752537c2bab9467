/**
 * The floor of the lifecycle, a process of its own: a worker like ours (the same limits) whose workflow only
 * calls one activity that does nothing.
 */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
} from '@temporalio/worker';

import { floorQueue } from './floor-queue.ts';

const { PORT = '', TEMPORAL_ADDRESS = '' } = process.env;

Runtime.install({ logger: new DefaultLogger('ERROR') });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: TEMPORAL_ADDRESS }),
  taskQueue: floorQueue,
  workflowBundle: await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('floor-workflow.ts', import.meta.url)),
  }),
  activities: { nothing: async () => undefined },
  maxCachedWorkflows: 500,
  maxConcurrentActivityTaskExecutions: 40,
  maxConcurrentLocalActivityExecutions: 40,
  maxConcurrentWorkflowTaskExecutions: 40,
});
const running = worker.run();
createServer((_, response) => response.end('ok')).listen(Number(PORT), '127.0.0.1');
await running;
