/**
 * Ends the process with exit code 78 (EX_CONFIG) and a plain sentence where Node is too old.
 *
 * The one file of Tenure in JavaScript: such a Node cannot load a `.ts` file at all, so no check inside one
 * would ever run there. npm runs this file before each script (the `pre...` scripts of package.json). Main
 * files import it first as well, for a Node that loads TypeScript by a flag and then lacks something else:
 * imports are evaluated in order.
 */

/**
 * The oldest Node that runs `.ts` files without a flag; `engines` in package.json says the same.
 *
 * @type {readonly [major: number, minor: number]}
 */
export const minimumNode = [22, 18];

/**
 * What is wrong with a Node version, or null where it will do.
 *
 * @param {string} version as in `process.versions.node`, for example `22.18.0`
 * @returns {string | null}
 */
export function nodeProblem(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = minimumNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return null;
  return (
    `Tenure needs Node ${wantedMajor}.${wantedMinor} or newer, this is Node ${version}. ` +
    'Run it through npm (npm start, npm test) after npm ci, which installs a Node 24 that npm scripts use; ' +
    'where that was left out (--omit=dev, --ignore-scripts), install a newer Node.'
  );
}

const problem = nodeProblem(process.versions.node);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(78);
}
