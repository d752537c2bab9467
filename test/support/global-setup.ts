import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../local/servers/fetching.ts';
import { mongodRecipe } from '../../local/servers/mongod.ts';
import { mongodUrl } from '../../local/servers/mongod-process.ts';
import { mongodPart, temporalPart, type PartPlace } from '../../local/servers/parts.ts';
import { resolveContext, resolveServer, type ServerRecipe } from '../../local/servers/resolve.ts';
import { temporalRecipe } from '../../local/servers/temporal.ts';
import { timeSkippingRecipe } from '../../local/servers/time-skipping.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import { keepForTeardown } from './global-teardown.ts';
import { makeServerDirectory } from './server-directory.ts';
import { startPartGroup, type PartGroup } from './servers.ts';

/**
 * Starts one mongod and one Temporal server for the whole run and exports where they are, see
 * `testServers()`. Whatever of it is in the environment already is used as it is and not started, which
 * makes quick development loops: keep servers running, set `TENURE_TEST_*`, run one test again and again.
 * Should the run be killed, a watchdog ends the servers.
 */
export default async function globalSetup(): Promise<void> {
  const directory = await makeServerDirectory('test');
  const group = startPartGroup(`${directory}|test`);
  const stop = async (): Promise<void> => {
    await group.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await settleAll([
      resolveInto('TENURE_TEST_MONGOD', mongodRecipe).then((path) =>
        startMongod(path, directory, group),
      ),
      resolveInto('TENURE_TEST_TEMPORAL_CLI', temporalRecipe).then((path) =>
        startTemporal(path, directory, group),
      ),
      resolveInto('TENURE_TEST_TIME_SKIPPING_SERVER', timeSkippingRecipe),
      bundleWorkflows(directory),
    ]);
  } catch (error) {
    // Jest calls no teardown after a setup that failed.
    await stop();
    throw error;
  }
  keepForTeardown(stop);
}

/** Waits for all before it fails: a server that is still being started could not be ended. */
async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

async function resolveInto(variable: string, recipe: ServerRecipe): Promise<string> {
  const given = process.env[variable];
  if (given) return given;
  const context = resolveContext(process.env, (line) => process.stderr.write(`${line}\n`));
  const { path } = await resolveServer(recipe, context);
  process.env[variable] = path;
  return path;
}

async function startMongod(binary: string, directory: string, group: PartGroup): Promise<void> {
  if (process.env['TENURE_TEST_MONGODB_URL']) return;
  const port = await freePort();
  await group.start(mongodPart(binary, port, await place(directory, 'mongod')));
  process.env['TENURE_TEST_MONGODB_URL'] = mongodUrl(port);
}

async function startTemporal(binary: string, directory: string, group: PartGroup): Promise<void> {
  if (process.env['TENURE_TEST_TEMPORAL_ADDRESS']) return;
  const port = await freePort();
  const ports = { port, uiPort: null };
  await group.start(temporalPart(binary, ports, await place(directory, 'temporal')));
  process.env['TENURE_TEST_TEMPORAL_ADDRESS'] = `127.0.0.1:${port}`;
}

async function place(directory: string, name: string): Promise<PartPlace> {
  const dataDirectory = join(directory, name);
  await mkdir(dataDirectory, { recursive: true });
  return { dataDirectory, logDirectory: directory, env: process.env };
}

/** Bundling takes seconds and is the same for every test: once, to a file. */
async function bundleWorkflows(directory: string): Promise<void> {
  if (process.env['TENURE_TEST_WORKFLOW_BUNDLE']) return;
  const source = new URL('../../workers/workflow-bundle.ts', import.meta.url);
  const exists = await access(source).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  const file = join(directory, 'workflow-bundle.js');
  // In a process of its own: jest turns a global setup into CommonJS, and what it imports with it, which
  // is not how the bundle is made anywhere else.
  const program = `
    import { writeFileSync } from 'node:fs';
    import { bundleWorkflows } from ${JSON.stringify(source.href)};
    writeFileSync(${JSON.stringify(file)}, await bundleWorkflows());`;
  await runCommand(process.execPath, ['--input-type=module', '-e', program], {
    timeoutMs: 120_000,
  });
  process.env['TENURE_TEST_WORKFLOW_BUNDLE'] = file;
}
