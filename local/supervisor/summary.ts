import type { StackAddresses } from './stack-file.ts';

/** What the table shows besides the addresses of `stack.json`. */
export interface SummaryFacts {
  readonly admin: string;
  /** How long the start took, for people. */
  readonly seconds: string;
  readonly logs: string;
  /** Null where the worker was told to serve none. */
  readonly workerMetricsUrl: string | null;
}

/** What a person sees once the stack is ready: where things are and what to try. */
export function summary(addresses: StackAddresses, keys: SummaryFacts): string {
  const { apiUrl, simulatorUrl, temporalUiUrl } = addresses;
  const rows: readonly (readonly [label: string, value: string | null])[] = [
    ['API', apiUrl],
    ['Temporal Web UI', temporalUiUrl],
    ['Temporal', addresses.temporalAddress],
    ['MongoDB', withoutPassword(addresses.mongodbUrl)],
    ['Directory simulator', simulatorUrl],
    ['Worker metrics', keys.workerMetricsUrl],
    ['Admin key', keys.admin],
    ['Logs', keys.logs],
  ];
  const table = rows.flatMap(([label, value]) =>
    value === null ? [] : [`  ${label.padEnd(20)} ${value}`],
  );
  return [
    '',
    `Tenure is ready (${keys.seconds}).`,
    '',
    ...table,
    '',
    'Try next:',
    ...(simulatorUrl === null ? [] : simulatorHints(temporalUiUrl)),
    `  export TENURE=${apiUrl} KEY=${keys.admin}`,
    '  curl -s -H "Authorization: Bearer $KEY" "$TENURE/v1/users?limit=3"',
    '',
    'Ctrl-C stops everything; the state is kept for the next start (npm start -- --fresh begins anew).',
    '',
  ].join('\n');
}

function simulatorHints(temporalUiUrl: string | null): string[] {
  const where = temporalUiUrl === null ? '' : ` (watch ${temporalUiUrl})`;
  return [
    `  npm run simulate -- leave mei         she leaves, her access is closed at once${where}`,
    '  npm run simulate -- return mei        she comes back before being forgotten',
    '  npm run simulate -- scenario tenure   a whole tenure, with a cooling-off of seconds',
    '  npm run simulate -- help              who is there, and what else can happen',
  ];
}

/** A configured address may hold credentials, which do not belong on a screen. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
