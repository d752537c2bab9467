/**
 * The process that outlives a killed supervisor: it holds the reading end of a pipe whose writing end only
 * the supervisor has, so that it sees the end of the supervisor however that ended (kill -9 included) and
 * ends what the supervisor had started. Run as `node watchdog.ts <marker>`; each line on stdin is the JSON
 * list of the processes that are to be ended, replacing the line before.
 */
import { createInterface } from 'node:readline';
import { endMarked, endProcesses } from './end-processes.ts';
import { isProcessIdentity, type ProcessIdentity } from './process-identity.ts';

/** A worker may use its drain time, a database its checkpoint; a next start must not wait for long. */
const graceMs = 4_000;

const marker = process.argv[2];
let watched: ProcessIdentity[] = [];

// Ctrl-C goes to the terminal's whole process group; the watchdog must outlive the supervisor's own stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) watched = parse(line);

await endProcesses(watched, graceMs);
if (marker !== undefined) await endMarked((value) => value === marker, 0);

function parse(line: string): ProcessIdentity[] {
  const value: unknown = JSON.parse(line);
  return Array.isArray(value) ? value.filter(isProcessIdentity) : [];
}
