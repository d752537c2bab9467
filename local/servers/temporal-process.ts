import { accepts } from '../supervisor/ports.ts';
import { runCommand } from './fetching.ts';

/**
 * The search attributes of the lifecycle. Temporal refuses a workflow that sets one it does not know, so
 * the embedded server registers them when it starts.
 */
const searchAttributes: readonly (readonly [name: string, type: string])[] = [
  ['TenurePhase', 'Keyword'],
  ['TenureOrganizationId', 'Keyword'],
  ['TenureDueAt', 'Datetime'],
  ['TenureBlockedBy', 'KeywordList'],
];

/**
 * Without the first the server ignores priorities without a word, and a mass join delays every leaver
 * behind it; the second adds fairness keys. Without the third no timer, pause or retry is shorter than a
 * second: the server reads so far ahead, to spare a large database, and puts what comes nearer behind it.
 */
const dynamicConfig = [
  'matching.useNewMatcher=true',
  'matching.enableFairness=true',
  'history.timerProcessorMaxTimeShift="10ms"',
];

/** Where an embedded Temporal server listens and keeps its state. */
export interface TemporalPlace {
  readonly port: number;
  /** Null: without the Web UI. */
  readonly uiPort: number | null;
  readonly databaseFile: string;
}

/** The arguments of an embedded Temporal development server that keeps its state in a file. */
export function temporalArguments(place: TemporalPlace): string[] {
  return [
    'server',
    'start-dev',
    '--ip=127.0.0.1',
    `--port=${place.port}`,
    place.uiPort === null ? '--headless' : `--ui-port=${place.uiPort}`,
    `--db-filename=${place.databaseFile}`,
    '--log-level=error',
    '--log-format=json',
    ...dynamicConfig.map((setting) => `--dynamic-config-value=${setting}`),
    ...searchAttributes.map(([name, type]) => `--search-attribute=${name}=${type}`),
  ];
}

/**
 * Whether the server answers for the namespace `default` and knows the search attributes.
 *
 * @param cli path of the temporal executable, which is asked: no client library stays loaded for it
 */
export async function isTemporalReady(cli: string, port: number): Promise<boolean> {
  if (!(await accepts(port))) return false;
  const address = ['--address', `127.0.0.1:${port}`, '--namespace', 'default'];
  try {
    const text = await runCommand(cli, ['operator', 'search-attribute', 'list', ...address], {
      timeoutMs: 5_000,
    });
    return searchAttributes.every(([name]) => text.includes(name));
  } catch {
    return false;
  }
}
