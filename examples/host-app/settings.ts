import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the application runs with. */
export interface Settings {
  port: number;
  mongodbUrl: string;
  workosUrl: URL;
  workosApiKey: string;
  workosClientId: string;
  /** `whsec_...`: what Tenure signs its calls with. */
  tenureSecret: string;
  /** What will not work as it looks, in sentences. */
  warnings: string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the embedded stack wrote down for this application (`local/supervisor/example-file.ts`). */
type StackFacts = Readonly<Record<string, string>>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const hostFile = fileURLToPath(new URL('tenure.yaml', import.meta.url));

/**
 * The settings: from the environment, else from the stack that `npm start` runs.
 *
 * `PORT` (3000), `MONGODB_URL`, `WORKOS_API_KEY`, `WORKOS_API_URL`, `WORKOS_CLIENT_ID`, `ACME_TENURE_SECRET`; and
 * `TENURE_STATE_DIRECTORY`, where the stack was started with it.
 *
 * @throws Error naming what is missing. Without the secret the application would refuse everything that Tenure asks:
 *   leavings would wait for ever, and nobody would know why.
 */
export function readSettings(env: Environment): Settings {
  const stack = runningStack(env['TENURE_STATE_DIRECTORY'] || join(root, '.tenure'));
  const port = Number(env['PORT'] || '3000');
  const needed = (name: string, fallback: string | undefined): string => {
    const value = env[name] || fallback;
    if (value) return value;
    throw new Error(`Set ${name}, or start Tenure first (npm start).`);
  };
  const tenureSecret = needed('ACME_TENURE_SECRET', stack['tenureSecret']);
  return {
    port,
    mongodbUrl: needed('MONGODB_URL', stack['mongodbUrl']),
    workosUrl: new URL(env['WORKOS_API_URL'] || stack['workosApiUrl'] || 'https://api.workos.com'),
    workosApiKey: needed('WORKOS_API_KEY', stack['workosApiKey']),
    workosClientId: env['WORKOS_CLIENT_ID'] || 'client_acme',
    // While it is rotated there are several, and each request carries a signature by each of them.
    tenureSecret: tenureSecret.split(',')[0]?.trim() ?? '',
    // Another database is another Tenure, of which nothing is known here.
    warnings: env['MONGODB_URL'] ? [] : warningsAbout(stack, port, tenureSecret),
  };
}

function warningsAbout(stack: StackFacts, port: number, tenureSecret: string): string[] {
  if (stack['hostFile'] !== hostFile) {
    return [
      'Tenure runs with another host file, so it neither asks nor tells this application anything: grants of apps are not ended. Start it with TENURE_CONFIG=examples/host-app/tenure.yaml npm start',
    ];
  }
  const warnings: string[] = [];
  if (stack['tenureSecret'] !== tenureSecret) {
    warnings.push(
      'ACME_TENURE_SECRET is not what the running Tenure signs with, so everything that it asks is refused. Unset it, or start both with the same',
    );
  }
  if (!readFileSync(hostFile, 'utf8').includes(`http://127.0.0.1:${port}/`)) {
    warnings.push(`examples/host-app/tenure.yaml names another port than ${port}`);
  }
  return warnings;
}

/** Empty where no stack runs. */
function runningStack(directory: string): StackFacts {
  const path = join(directory, 'example.json');
  const content: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  const facts: Record<string, string> = {};
  for (const [name, value] of Object.entries(content ?? {})) {
    if (typeof value === 'string') facts[name] = value;
  }
  return facts;
}
