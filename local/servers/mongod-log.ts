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
  // mongod says in plain text that it cannot read its own arguments.
  if (!line.startsWith('{')) return line;
  const entry = parse(line);
  // Cut off, by a crash or a full disk: it may have been about anything.
  if (entry === null) return '(a damaged line was left out)';
  if (!('attr' in entry) || ('c' in entry && harmless.has(String(entry.c)))) return line;
  return JSON.stringify({ ...entry, attr: '(left out)' });
}

function parse(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
