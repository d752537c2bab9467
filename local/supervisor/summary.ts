import type { AdminKey } from './stack-environment.ts';
import type { StackAddresses } from './stack-file.ts';

/** What the table shows besides the addresses of `stack.json`. */
export interface SummaryFacts {
  readonly admins: readonly [AdminKey, ...AdminKey[]];
  /** `TENURE_MODE=observe`. */
  readonly observing: boolean;
  /** The host file is that of the example application: Tenure calls it. */
  readonly callsExample: boolean;
  /** How long the start took, for people. */
  readonly seconds: string;
  readonly logs: string;
  /** Null where the worker was told to serve none. */
  readonly workerMetricsUrl: string | null;
}

/** What a person sees once the stack is ready: where things are and what to try. */
export function summary(addresses: StackAddresses, facts: SummaryFacts): string {
  const { apiUrl, simulatorUrl, temporalUiUrl } = addresses;
  const rows: readonly (readonly [label: string, value: string | null])[] = [
    ['API', apiUrl],
    ['Temporal Web UI', temporalUiUrl],
    ['Temporal', addresses.temporalAddress],
    ['MongoDB', withoutPassword(addresses.mongodbUrl)],
    ['Directory simulator', simulatorUrl],
    ['Worker metrics', facts.workerMetricsUrl],
    ...facts.admins.map(({ name, key }) => ['Admin key', withName(key, name, facts)] as const),
    ['Logs', facts.logs],
  ];
  const table = rows.flatMap(([label, value]) =>
    value === null ? [] : [`  ${label.padEnd(20)} ${value}`],
  );
  return [
    '',
    `Tenure is ready (${facts.seconds}).`,
    '',
    ...(facts.observing ? observingNote : []),
    ...table,
    '',
    'Try next:',
    ...(facts.callsExample ? exampleHint : []),
    ...(simulatorUrl === null ? [] : simulatorHints(temporalUiUrl, facts)),
    `  export TENURE=${apiUrl} KEY=${facts.admins[0].key}`,
    '  curl -s -H "Authorization: Bearer $KEY" "$TENURE/v1/users?limit=3"',
    '',
    'Ctrl-C stops everything; the state is kept for the next start (npm start -- --fresh begins anew).',
    '',
  ].join('\n');
}

/** Until it answers, no leaving gets further than its sessions; said before somebody wonders. */
const exampleHint = [
  '  npm run example                       the host application, in another terminal. Tenure asks it at each',
  '                                        leaving, and asks again until it answers',
];

/** What it means to observe, told before anything else: the story of the demo is another one then. */
const observingNote = [
  'It only observes (TENURE_MODE=observe): it writes nothing outside its own database, denies nobody and',
  'anonymizes nobody. GET /v1/observations tells what it would have done.',
  '',
];

/** Which of several it is: two admins are needed where two exist. */
function withName(key: string, name: string, { admins }: SummaryFacts): string {
  return admins.length === 1 ? key : `${key} (${name})`;
}

function simulatorHints(temporalUiUrl: string | null, { observing }: SummaryFacts): string[] {
  const where = temporalUiUrl === null ? '' : ` (watch ${temporalUiUrl})`;
  const closed = observing ? 'would be closed' : 'is closed';
  return [
    `  npm run simulate -- leave mei         she leaves, her access ${closed} at once${where}`,
    '  npm run simulate -- return mei        she comes back before being forgotten',
    '  npm run simulate -- scenario tenure   a whole tenure, with a cooling-off of seconds',
    '  npm run simulate -- help              who is there, and what else can happen',
  ];
}

/** A configured address may hold credentials, which do not belong on a screen. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
