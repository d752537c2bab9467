/**
 * Import this module first in every main file: it ends the process with exit code 78 (EX_CONFIG) and a
 * plain sentence where Node is too old. It acts on import because imports are evaluated in order and the
 * modules after it may already use what an old Node lacks.
 */

/** The oldest Node that runs `.ts` files without a flag. */
export const minimumNode: readonly [major: number, minor: number] = [22, 18];

/**
 * What is wrong with a Node version, or null where it will do.
 *
 * @param version as in `process.versions.node`, for example `22.18.0`
 */
export function nodeProblem(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = minimumNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return null;
  return (
    `Tenure needs Node ${wantedMajor}.${wantedMinor} or newer, this is Node ${version}. ` +
    'Run it through npm (npm start, npm test): npm ci installs a Node 24 that npm scripts use.'
  );
}

const problem = nodeProblem(process.versions.node);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(78);
}
