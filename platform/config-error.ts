/** One thing that is wrong with the configuration. Never holds the value of a secret. */
export interface ConfigProblem {
  /** The environment variable, or the place in a file (`tenure.yaml:12:3 sessions[0].user`). */
  variable: string;
  /** What is wrong and what was expected. */
  problem: string;
  /** What would happen otherwise: why Tenure does not start with it. */
  consequence: string;
}

/** EX_CONFIG of sysexits.h: supervisors can tell a mistake in the configuration from a crash. */
export const configExitCode = 78;

/**
 * Thrown when the configuration cannot be used: everything that is wrong, at once, so that one restart is
 * enough to mend it. The message is for people and holds no secret.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];
  readonly exitCode = configExitCode;

  constructor(problems: readonly ConfigProblem[]) {
    super(describe(problems));
    this.problems = problems;
  }
}

function describe(problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map(
    ({ variable, problem, consequence }) => `  ${variable}: ${problem}\n      ${consequence}`,
  );
  return [`Tenure cannot start: ${count} in its configuration.`, ...lines].join('\n');
}

/**
 * Prints the list of a `ConfigError` for the person who starts the process and returns the exit code that
 * the main file ends with; any other error gives null and prints nothing, since it is not about configuration.
 *
 * @param stderr usually `process.stderr`
 */
export function reportConfigError(
  error: unknown,
  stderr: { write(text: string): unknown },
): number | null {
  if (!(error instanceof ConfigError)) return null;
  stderr.write(`${error.message}\n`);
  return error.exitCode;
}
