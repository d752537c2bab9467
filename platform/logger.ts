import { readFileSync } from 'node:fs';

import { pino, type DestinationStream, type Logger } from 'pino';

import type { LogLevel } from './config-variables.ts';
import { isError, safeError, safeErrorText, withoutAddresses } from './safe-error.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  level: LogLevel;
  /** The process that writes: `api`, `worker`, ... */
  role: string;
  /** Where lines go; standard output by default. */
  destination?: DestinationStream;
}

/**
 * A second net below the rule that log lines carry ids and never a person's data: should such a field slip
 * into a line, its value is hidden, up to three levels deep.
 */
const hiddenFields = [
  'email',
  'emails',
  'username',
  'name',
  'firstName',
  'first_name',
  'lastName',
  'last_name',
  'displayName',
  'display_name',
  'phone',
  'profile',
  'attributes',
  'rawAttributes',
  'raw_attributes',
  'customAttributes',
  'custom_attributes',
  'keyValue',
  'authorization',
  'cookie',
  'set-cookie',
  'workos-signature',
  'password',
  'secret',
  'token',
  'accessToken',
  'access_token',
  'refreshToken',
  'refresh_token',
  'apiKey',
  'api_key',
  'body',
] as const;

/**
 * A logger that writes one JSON object a line with `service`, `version` and `role`. Errors are reduced to
 * what `safeError` lets through, wherever in the line they stand.
 */
export function createLogger({ level, role, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service: 'tenure', version: ownVersion(), role },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: hiddenFields.flatMap(pathsOf), censor: '[hidden]' },
    serializers: { err: safeOf, error: safeOf, reason: safeOf, cause: safeOf },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (line: object) => withSafeErrors(line),
    },
    hooks: {
      logMethod(this: Logger, args: unknown[], method: (...args: unknown[]) => void) {
        method.apply(this, safeArguments(args));
      },
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function pathsOf(field: string): string[] {
  const step = field.includes('-') ? `["${field}"]` : `.${field}`;
  return [step.replace(/^\./, ''), `*${step}`, `*.*${step}`];
}

/** pino takes the message of a lone error as the line's message; here it gets the safe text instead. */
function safeArguments(args: unknown[]): unknown[] {
  const [first, ...rest] = args;
  const texts = rest.map((part) => {
    if (isError(part)) return safeErrorText(part);
    return typeof part === 'string' ? withoutAddresses(part) : part;
  });
  if (typeof first === 'string') return [withoutAddresses(first), ...texts];
  const error = errorOf(first);
  if (error === null) return [first, ...texts];
  const line = isError(first) ? { err: first } : first;
  return texts.length > 0 ? [line, ...texts] : [line, safeErrorText(error)];
}

function errorOf(first: unknown): Error | null {
  if (isError(first)) return first;
  if (typeof first !== 'object' || first === null || !('err' in first)) return null;
  return isError(first.err) ? first.err : null;
}

function safeOf(value: unknown): unknown {
  return isError(value) ? safeError(value) : value;
}

const maxDepth = 4;

/** Errors anywhere in a line: left alone, pino would print their own fields, such as the driver's `keyValue`. */
function withSafeErrors(line: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(line).map(([key, value]) => [key, safeValue(value, depth + 1)]),
  );
}

function safeValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isError(value)) return safeError(value);
  if (depth > maxDepth) return '[deep]';
  if (Array.isArray(value)) return value.map((part) => safeValue(part, depth + 1));
  return isPlain(value) ? withSafeErrors(value, depth) : value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest))
    return 'unknown';
  return String(manifest.version);
}
