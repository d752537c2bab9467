/** MongoDB's own codes for: took too long, shuts down, is no primary. */
const downCodes = new Set([50, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ETIMEDOUT',
]);

/**
 * Whether an error says that MongoDB does not answer. By the shape of the driver's errors: a host application
 * may have a driver of its own beside Tenure's, and `instanceof` knows only one of them. What is wrong with a
 * query or with the rights of a user is no outage, and must not be passed off as one.
 */
export function saysOutage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const code = 'code' in error ? error.code : undefined;
  // The driver passes on what a socket throws that MongoDB closed just before it was written to.
  if (typeof code === 'string' && socketCodes.has(code)) return true;
  const name = 'name' in error ? String(error.name) : '';
  if (name === 'GateTimeout' || name === 'GateNotPrimary') return true;
  if (!name.startsWith('Mongo')) return false;
  if (name !== 'MongoServerError') return !/Parse|Argument|API/.test(name);
  return typeof code === 'number' && downCodes.has(code);
}
