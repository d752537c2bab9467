import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { download, probe, runCommand, which } from './fetching.ts';
import { withProgress } from './progress.ts';
import type { ResolveContext, ServerRecipe, Way } from './resolve.ts';
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
  ways: [officialTemporalDownload('temporal-test-server'), pinnedJars(), jarsByMaven()],
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

/** The jars whose digests are known, from Maven Central or a mirror of it: needs no Maven. */
function pinnedJars(): Way {
  return {
    name: `Maven jars io.temporal:temporal-test-server:${jarVersion} with java`,
    async install(context, scratch) {
      await requireJava(context);
      const repository = (context.env['TENURE_MAVEN_REPOSITORY'] || mavenCentral).replace(
        /\/$/,
        '',
      );
      await probe(`${repository}/`);
      const jars = join(scratch, 'jars');
      await mkdir(jars);
      const what = `temporal-test-server: downloading ${timeSkippingJars.length} jars (38 MB)`;
      await withProgress(context.report, what, () => downloadAll(repository, jars));
      return writeStartScript(scratch);
    },
  };
}

/** For a machine where only Maven knows the mirror, by its settings.xml. */
function jarsByMaven(): Way {
  return {
    name: `mvn dependency:copy-dependencies for temporal-test-server:${jarVersion}`,
    async install(context, scratch) {
      await requireJava(context);
      const maven = await which('mvn', context.env);
      if (maven === null) throw new Error('no mvn on the PATH');
      await writeFile(join(scratch, 'pom.xml'), pom);
      const goal = ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime'];
      const args = [...goal, `-DoutputDirectory=${join(scratch, 'jars')}`];
      await withProgress(context.report, 'temporal-test-server: downloading jars with Maven', () =>
        runCommand(maven, args, { cwd: scratch, timeoutMs: 300_000 }),
      );
      return writeStartScript(scratch);
    },
  };
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tenure</groupId><artifactId>time-skipping</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>io.temporal</groupId><artifactId>temporal-test-server</artifactId>
    <version>${jarVersion}</version>
  </dependency></dependencies>
</project>
`;

async function requireJava(context: ResolveContext): Promise<void> {
  if (process.platform === 'win32') throw new Error('needs a POSIX shell');
  if ((await which('java', context.env)) === null) throw new Error('no java on the PATH');
}

async function writeStartScript(scratch: string): Promise<string> {
  const script = join(scratch, 'temporal-test-server.sh');
  await writeFile(script, startScript);
  await chmod(script, 0o755);
  return basename(script);
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
