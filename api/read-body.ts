import type { IncomingMessage } from 'node:http';

import { isError } from '../platform/safe-error.ts';
import { ApiProblem } from './problem.ts';

/** How deep JSON may be nested: recursive code behind the API must not run out of stack. */
const maxDepth = 64;

/**
 * Reads a request's body as it came, at most `limit` bytes. Compressed bodies are refused: a few kilobytes
 * could unpack to gigabytes.
 *
 * @throws ApiProblem 413, 415, or 400 where the caller went away in between
 */
export async function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ApiProblem(415, 'unsupportedEncoding', 'The body must not be compressed.');
  }
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk))
        throw new TypeError('The request was decoded before it was read.');
      size += chunk.length;
      // What is too large is still read to its end, and forgotten: a caller that is cut off in the middle
      // of sending sees a broken connection and never learns why.
      if (size <= limit) chunks.push(chunk);
    }
  } catch (error) {
    if (isError(error) && 'code' in error && error.code === 'ECONNRESET') {
      throw new ApiProblem(400, 'incompleteBody', 'The body ended before its announced length.');
    }
    throw error;
  }
  if (size > limit) throw tooLarge(limit);
  return Buffer.concat(chunks, size);
}

function tooLarge(limit: number): ApiProblem {
  return new ApiProblem(413, 'tooLarge', `The body may have ${limit} bytes at most.`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Parses bytes as JSON. Decoding is fatal: bytes that are no UTF-8 would become U+FFFD and so another text
 * than the one that was signed.
 *
 * @throws ApiProblem 400
 */
export function parseJson(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new ApiProblem(400, 'malformedJson', 'The body is not JSON in UTF-8.');
  }
  if (isTooDeep(value)) {
    throw new ApiProblem(
      400,
      'malformedJson',
      `The body is nested deeper than ${maxDepth} levels.`,
    );
  }
  return value;
}

/** Without recursion, which is what it protects from. */
function isTooDeep(root: unknown): boolean {
  let level = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}

/**
 * The JSON body of an admin call. An empty body counts as `{}`, since most commands need nothing.
 *
 * @throws ApiProblem 400, 413, 415; 422 for texts that no database stores unchanged
 */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  const bytes = await readBytes(request, limit);
  if (bytes.length === 0) return {};
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new ApiProblem(415, 'unsupportedMediaType', 'The body must be application/json.');
  }
  const value = parseJson(bytes);
  refuseUnstorable(value);
  return value;
}

/** NULs and half surrogate pairs: MongoDB would refuse the one as a name and silently change the other. */
function refuseUnstorable(root: unknown): void {
  const waiting = [{ value: root, path: '' }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, path } = next;
    if (typeof value === 'string' && (!value.isWellFormed() || value.includes('\u0000'))) {
      throw new ApiProblem(422, 'invalid', 'The body is not valid.', {
        errors: [{ path, message: 'Texts must be well-formed Unicode without NUL.' }],
      });
    }
    if (typeof value !== 'object' || value === null) continue;
    // Names that are no plain words are left out of the path: they may be anything that came from outside.
    for (const [name, part] of Object.entries(value)) {
      waiting.push({ value: part, path: /^\w{1,40}$/.test(name) ? joined(path, name) : path });
    }
  }
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
