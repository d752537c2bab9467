import { writeJsonFile } from './json-file.ts';

/** The parts of Tenure's embedded stack, in the order of starting. */
export const stackParts = ['mongod', 'temporal', 'simulator', 'api', 'worker'] as const;

export type StackPart = (typeof stackParts)[number];

/** Where the stack answers. Null: not part of this stack (its owner configured another one or none). */
export interface StackAddresses {
  readonly apiUrl: string;
  readonly consoleUrl: string;
  readonly mongodbUrl: string;
  readonly temporalAddress: string;
  readonly temporalUiUrl: string | null;
  /** Path of the temporal executable. */
  readonly temporalCli: string | null;
  readonly simulatorUrl: string | null;
}

/**
 * Keeps `stack.json` up to date. It is first written when every part of the stack has been started, that is
 * before the API can be ready; a part that is being started again keeps its last process id until then.
 *
 * @param parts those that this stack runs; the others are null in the file
 * @returns takes the processes that run
 */
export function stackFileWriter(
  path: string,
  addresses: StackAddresses,
  parts: readonly string[],
): (pids: ReadonlyMap<string, number>) => void {
  const last = new Map<string, number>();
  return (pids) => {
    for (const [name, pid] of pids) last.set(name, pid);
    if (!parts.every((name) => last.has(name))) return;
    const known = stackParts.map((name) => [name, last.get(name) ?? null]);
    writeJsonFile(path, { ...addresses, pids: Object.fromEntries(known) });
  };
}
