import { promises as files } from 'node:fs';

import { ConfigError } from '../config-error.ts';
import { isError } from '../safe-error.ts';
import { minimalHostFile, parseHostFile, type HostFileResult } from './parse.ts';

/**
 * Reads the host file that `TENURE_CONFIG` names (`config.hostFilePath`); null gives the minimal file.
 *
 * @throws ConfigError if it cannot be read, is not UTF-8 or holds mistakes
 */
export async function readHostFile(path: string | null): Promise<HostFileResult> {
  if (path === null) return minimalHostFile();
  let bytes: Uint8Array;
  try {
    bytes = await files.readFile(path);
  } catch (error) {
    const code = isError(error) && 'code' in error ? String(error.code) : 'unknown error';
    throw unreadable(`names ${JSON.stringify(path)}, which cannot be read (${code})`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(`names ${JSON.stringify(path)}, which is not UTF-8 text`);
  }
  return parseHostFile(text, path);
}

function unreadable(problem: string): ConfigError {
  const consequence = 'No session would be revoked and no resource handed over.';
  return new ConfigError([{ variable: 'TENURE_CONFIG', problem, consequence }]);
}
