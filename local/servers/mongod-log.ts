/**
 * Log components whose details are about the server, never about a document, a filter or a command. An
 * allow list: what a newer mongod adds is left out until somebody has looked at it.
 */
const harmless = new Set([
  'ACCESS',
  'CONTROL',
  'ELECTION',
  'FTDC',
  'INITSYNC',
  'JOURNAL',
  'NETWORK',
  'RECOVERY',
  'REPL',
  'REPL_HB',
  'ROLLBACK',
  'STORAGE',
]);

/**
 * A line of mongod's log without what may hold personal data. Sampling no slow operation is not enough: a
 * query that runs out of time is printed with its filter at any setting, an index build that fails with the
 * duplicate value.
 */
export function withoutDocuments(line: string): string {
  const entry = parse(line);
  if (entry === null) return line;
  if (!('attr' in entry) || ('c' in entry && harmless.has(String(entry.c)))) return line;
  return JSON.stringify({ ...entry, attr: '(left out)' });
}

/** Null for a line that is no JSON: mongod says so that it cannot read its own arguments. */
function parse(line: string): object | null {
  if (!line.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' ? value : null;
  } catch {
    // Cut off, by a crash or a full disk: it may have been about anything.
    return { msg: 'a damaged line was left out' };
  }
}
