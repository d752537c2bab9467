/** What may be told of an error: where and of which kind, and its message only where that is known to be safe. */
export interface SafeError {
  /** The class. */
  type: string;
  /** Present for Tenure's own errors only. */
  message?: string;
  code?: string | number;
  /** Frames without the message that usually stands above them. */
  stack: string[];
  cause?: SafeError;
  errors?: SafeError[];
}

/**
 * Tenure's own errors, whose messages hold ids at most. Everybody else's may quote values: MongoDB's
 * duplicate-key error (E11000) prints the key, which can be somebody's e-mail address, and a parser prints
 * the text that it could not read. Classes are told by name, since `instanceof` fails across realms.
 */
const ownErrors: ReadonlySet<string> = new Set([
  'Refusal',
  'ConfigError',
  'StoreUnavailable',
  'NewerSchema',
  'UnreleasedSchema',
  'StandaloneServer',
  'HostConflict',
  'NotForgotten',
  'NotVerifiedEmpty',
  'OutgoingFailed',
]);

const maxDepth = 4;
const maxParts = 10;

/** Describes any thrown value so that it may be logged. */
export function safeError(thrown: unknown, depth = 0): SafeError {
  if (!isError(thrown)) return { type: `thrown ${typeof thrown}`, stack: [] };
  const type = wordOf(thrown.name) ?? 'Error';
  const safe: SafeError = { type, stack: framesOf(thrown) };
  if (ownErrors.has(type)) safe.message = withoutAddresses(thrown.message);
  const code = codeOf(thrown);
  if (code !== undefined) safe.code = code;
  if (depth >= maxDepth) return safe;
  if (isError(thrown.cause)) safe.cause = safeError(thrown.cause, depth + 1);
  if ('errors' in thrown && Array.isArray(thrown.errors)) {
    safe.errors = thrown.errors.slice(0, maxParts).map((part) => safeError(part, depth + 1));
  }
  return safe;
}

/** One line about an error, with the same care. */
export function safeErrorText(thrown: unknown): string {
  const { type, message, code } = safeError(thrown);
  return [
    type,
    code === undefined ? '' : ` (${code})`,
    message === undefined ? '' : `: ${message}`,
  ].join('');
}

/** By shape: an error of another realm (a sandbox, a test) is one too. */
export function isError(value: unknown): value is Error {
  if (value instanceof Error) return true;
  return Object.prototype.toString.call(value) === '[object Error]';
}

/** Hides e-mail addresses, and with them the user part of connection strings. */
export function withoutAddresses(text: string): string {
  return text.replace(/[^\s"'<>(){}[\],;=]+@[^\s"'<>(){}[\],;]+/g, '[address]');
}

/** Only the run of frames at the end counts: a message has lines too, and may imitate frames. */
function framesOf(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n');
  const messageLines = error.message.split('\n').length;
  const frames: string[] = [];
  for (const line of lines.slice(messageLines).toReversed()) {
    if (!/^ {4}at .{1,500}(:\d+:\d+\)?|<anonymous>\)?|\(native\))$/.test(line)) break;
    frames.unshift(line.trim());
  }
  return frames;
}

function codeOf(error: Error): string | number | undefined {
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : wordOf(code);
}

/** A short identifier; anything else could be a value in disguise. */
function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z_$][\w$.-]{0,63}$/.test(value) ? value : undefined;
}
