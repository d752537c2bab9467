import { atLeast, probe, runCommand, which } from './fetching.ts';
import { withProgress } from './progress.ts';
import type { ServerRecipe, Way } from './resolve.ts';
import { officialTemporalDownload } from './temporal-download.ts';

/** Older servers know neither the priorities nor the fairness keys that the embedded stack switches on. */
const minimumServer = [1, 29] as const;

/** The newest version that `go install` accepts: later ones have a `replace` in their go.mod. */
const goModule = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';

/** How the Temporal command line tool, which carries the development server and its Web UI, is found. */
export const temporalRecipe: ServerRecipe = {
  name: 'temporal',
  cacheKey: 'temporal-1',
  findOnPath: (context) => which('temporal', context.env),
  verify: temporalVersion,
  ways: [officialTemporalDownload('cli'), goInstall()],
  advice: [
    'install the Temporal CLI, so that temporal is on the PATH (https://docs.temporal.io/cli/setup-cli)',
    'or set TEMPORAL_ADDRESS to a Temporal server that runs already',
    'or let this machine reach https://temporal.download',
    'or install Go 1.24 or newer with a module proxy that this machine can reach (GOPROXY)',
  ],
};

/** For example `1.5.1 (Server 1.29.1, UI 2.42.1)`. A build from source calls itself `0.0.0-DEV`. */
async function temporalVersion(path: string): Promise<string> {
  const text = await runCommand(path, ['--version'], { timeoutMs: 20_000 });
  const server = /Server (\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (server === undefined) throw new Error('it does not tell its server version');
  atLeast(server, minimumServer);
  return text.trim().replace(/^temporal version /, '');
}

function goInstall(): Way {
  return {
    name: `go install ${goModule}`,
    async install(context, scratch) {
      const go = await which('go', context.env);
      if (go === null) throw new Error('no go on the PATH');
      const proxy = (await runCommand(go, ['env', 'GOPROXY'])).trim().split(/[,|]/)[0] ?? '';
      if (/^https?:/.test(proxy)) await probe(proxy);
      const env = { ...context.env, GOBIN: scratch };
      const what = 'temporal: building it with Go (about 4 minutes on two cores, once)';
      await withProgress(context.report, what, () =>
        // A stray go.work or go.mod around the working directory would change what is built.
        runCommand(go, ['install', goModule], { env, cwd: scratch, timeoutMs: 30 * 60_000 }),
      );
      return process.platform === 'win32' ? 'temporal.exe' : 'temporal';
    },
  };
}
