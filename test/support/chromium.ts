import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Said where tests in a browser are skipped: a suite that says nothing looks as if it had run them. */
export const withoutChromium =
  'there is no Chromium or Chrome on the PATH, and TENURE_TEST_CHROMIUM names none; tests in a browser do not run.';

/**
 * The Chromium of this machine: `TENURE_TEST_CHROMIUM`, else the first one on the PATH. null: there is none, and
 * tests in a browser are skipped.
 */
export function findChromium(): string | null {
  const given = process.env['TENURE_TEST_CHROMIUM'];
  if (given) return given;
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return candidates.find((path) => existsSync(path)) ?? null;
}
