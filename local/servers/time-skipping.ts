import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { download, probe, runCommand, which } from './fetching.ts';
import { withProgress } from './progress.ts';
import type { ServerRecipe, Way } from './resolve.ts';
import { officialTemporalDownload } from './temporal-download.ts';
import { timeSkippingJars } from './time-skipping-jars.ts';

const mavenCentral = 'https://repo.maven.apache.org/maven2';

/** Of the pinned jars; the official executable does not tell one. */
const jarVersion = '1.38.0';

/** How many jars are fetched at a time. */
const parallel = 6;

/**
 * How Temporal's time-skipping test server is found: an executable that takes a port as its argument, which
 * `TestWorkflowEnvironment.createTimeSkipping` accepts as `existing-path`. Only tests need it.
 */
export const timeSkippingRecipe: ServerRecipe = {
  name: 'temporal-test-server',
  cacheKey: 'time-skipping-1',
  findOnPath: (context) => which('temporal-test-server', context.env),
  verify: verifyTestServer,
  ways: [officialTemporalDownload('temporal-test-server'), mavenJars()],
  advice: [
    'let this machine reach https://temporal.download',
    'or install Java 8 or newer and let it reach a Maven repository (TENURE_MAVEN_REPOSITORY, default Maven Central)',
    'or put an executable temporal-test-server on the PATH',
  ],
};

/** Told without its arguments, the server prints how it is used and ends; that it starts is what counts. */
async function verifyTestServer(path: string): Promise<string> {
  if (!path.endsWith('.sh')) {
    await runCommand(path, ['--help'], { timeoutMs: 20_000 }).catch(refuseUnlessItRan);
    return 'official';
  }
  await runCommand('java', ['-version'], { timeoutMs: 20_000 });
  return jarVersion;
}

/** The native test server has no `--help` and ends with an error of its own: it ran, which is enough. */
function refuseUnlessItRan(error: unknown): void {
  const message = String(error);
  if (/no such command|EACCES|ENOEXEC|too long/.test(message)) throw error;
}

function mavenJars(): Way {
  return {
    name: `Maven jars io.temporal:temporal-test-server:${jarVersion} with java`,
    async install(context, scratch) {
      if (process.platform === 'win32') throw new Error('needs a POSIX shell');
      if ((await which('java', context.env)) === null) throw new Error('no java on the PATH');
      const repository = (context.env['TENURE_MAVEN_REPOSITORY'] || mavenCentral).replace(
        /\/$/,
        '',
      );
      await probe(`${repository}/`);
      const jars = join(scratch, 'jars');
      await mkdir(jars);
      const what = `temporal-test-server: downloading ${timeSkippingJars.length} jars (38 MB)`;
      await withProgress(context.report, what, () => downloadAll(repository, jars));
      const script = join(scratch, 'temporal-test-server.sh');
      await writeFile(script, startScript);
      await chmod(script, 0o755);
      return basename(script);
    },
  };
}

const startScript = `#!/bin/sh
exec java -Xmx256m -cp "$(dirname "$0")/jars/*" io.temporal.testserver.TestServer "$@"
`;

async function downloadAll(repository: string, directory: string): Promise<void> {
  const waiting = [...timeSkippingJars];
  const fetchNext = async (): Promise<void> => {
    for (let jar = waiting.shift(); jar !== undefined; jar = waiting.shift()) {
      const [path, sha256] = jar;
      await download(`${repository}/${path}`, join(directory, basename(path)), sha256);
    }
  };
  await Promise.all(Array.from({ length: parallel }, fetchNext));
}
