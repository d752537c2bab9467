import { types } from 'node:util';

/**
 * Whether a value is an error, of whatever realm: an error of Node itself is no `instanceof Error` for code
 * that runs in another context, as under jest.
 */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value);
}

/** Whether a value is an error with this `code`, for example `EEXIST`. */
export function hasCode(value: unknown, code: string): boolean {
  return isError(value) && 'code' in value && value.code === code;
}
