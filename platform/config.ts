import type { z } from 'zod';

import { ConfigError, type ConfigProblem } from './config-error.ts';
import { callerKeys, checkSecrets, type CallerKeys } from './config-keys.ts';
import { loadTemporal, type TemporalConfig } from './config-temporal.ts';
import {
  consequenceOf,
  environmentSchema,
  mayShow,
  variables,
  type Environment,
  type LogLevel,
} from './config-variables.ts';
import { didYouMean } from './did-you-mean.ts';

export { ConfigError, configExitCode, reportConfigError } from './config-error.ts';
export type { ConfigProblem } from './config-error.ts';
export type { CallerKeys } from './config-keys.ts';
export type { TemporalConfig, TemporalConnection } from './config-temporal.ts';
export type { LogLevel } from './config-variables.ts';

export type ProcessRole = 'api' | 'worker';

/** The configuration of one process, complete and frozen. Numbers named `...Ms` are milliseconds. */
export interface Config {
  role: ProcessRole;
  /** `NODE_ENV=production`. */
  production: boolean;
  logLevel: LogLevel;
  http: {
    /** The API's port; 0 takes any free one. */
    port: number;
    /** Health and metrics of a worker; 0: none. */
    workerPort: number;
    /** Larger webhook bodies are answered 413. */
    webhookMaxBytes: number;
  };
  mongo: { url: string; database: string };
  temporal: TemporalConfig & {
    /** `stickyQueueScheduleToStartTimeout`: how long a task waits for a worker that may be dead. */
    stickyTimeoutMs: number;
    /** What the task queues' names begin with: several deployments may share a namespace. */
    queuePrefix: string;
    /** The prebuilt workflow code; null (never in a production worker): built when the worker starts. */
    workflowBundle: string | null;
  };
  workos: {
    apiKey: string | null;
    /** A counterpart other than the real WorkOS; null: the real one. Without a slash at its end. */
    apiUrl: string | null;
    /** API only. Every one of them is accepted, so that they can be rotated. */
    webhookSecrets: readonly string[];
  };
  /** API only: who may call it. The name of an admin key is the actor in the audit log. */
  keys: CallerKeys;
  /** The file of the host application; null: the minimal one. */
  hostFilePath: string | null;
  events: 'both' | 'webhook' | 'poll';
  /** `TENURE_MODE=observe`: nothing is written outside Tenure's own database, and nobody is denied. */
  observing: boolean;
  simulator: boolean;
  intervals: {
    dispatchMs: number;
    sweepMs: number;
    /** The pause between two polls of the Events API. */
    pollMs: number;
    /** The longest pause between two tries of something that is retried for ever. */
    retryMaxMs: number;
    /** How long a leaving settles before it is counted at the guard. */
    guardSettleMs: number;
    /** How often WorkOS is asked for the state of each directory. */
    directoryWatchMs: number;
    /** How often each directory is compared with WorkOS as a whole. */
    reconcileMs: number;
    /** Sessions not verified gone after this count as overdue. */
    revocationOverdueMs: number;
  };
  limits: {
    /** Joining lifecycles in flight. */
    joinAdmission: number;
    /** Days that the body of an event which could not be applied is kept. */
    inboxBodyDays: number;
    hostWritesPerSecond: number;
  };
  /** What is allowed but deserves a look; the main file logs them at every start. No secrets. */
  warnings: readonly string[];
}

/** A process environment: `process.env`, or a part of it. */
export type Env = Record<string, string | undefined>;

/**
 * The configuration of the API.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function loadApiConfig(env: Env): Config {
  return load(env, 'api');
}

/**
 * The configuration of a worker. Keys and webhook secrets are not its business and stay empty.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function loadWorkerConfig(env: Env): Config {
  return load(env, 'worker');
}

const apiOnly = [
  'WORKOS_WEBHOOK_SECRET',
  'TENURE_ADMIN_KEY',
  'TENURE_ADMIN_KEYS',
  'TENURE_GATE_KEY',
  'TENURE_REVOCATION_KEY',
];

function load(env: Env, role: ProcessRole): Config {
  const raw = given(env, role);
  const problems: ConfigProblem[] = [];
  const { environment, issues } = parse(raw);
  for (const issue of issues) problems.push(problemOf(issue, raw));
  const broken = new Set(problems.map(({ variable }) => variable));
  const warnings = unknownVariables(raw);
  const temporal = loadTemporal(raw, environment, problems);
  const config = assemble(role, environment, temporal, warnings);
  checkRole(config, environment, broken, problems);
  if (role === 'api') checkSecrets(config, environment, broken, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  warnAbout(config, warnings);
  return freeze(config);
}

/** An empty variable counts as absent: that is what `NAME=` in an env file means. */
function given(env: Env, role: ProcessRole): Record<string, string> {
  const raw: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (role === 'worker' && apiOnly.includes(name)) continue;
    if (value !== undefined && value.trim() !== '') raw[name] = value.trim();
  }
  return raw;
}

/** Parses again without what was wrong, so that the checks across variables still run and find the rest. */
function parse(raw: Record<string, string>): {
  environment: Environment;
  issues: z.core.$ZodIssue[];
} {
  const first = environmentSchema.safeParse(raw);
  if (first.success) return { environment: first.data, issues: [] };
  const issues = first.error.issues;
  const wrong = new Set(issues.map(({ path }) => String(path[0])));
  const rest = Object.fromEntries(Object.entries(raw).filter(([name]) => !wrong.has(name)));
  // The only variable without a default and without being optional; the value is never used.
  if (wrong.has('MONGODB_URL')) rest['MONGODB_URL'] = 'mongodb://unset.invalid';
  return { environment: environmentSchema.parse(rest), issues };
}

function problemOf(issue: z.core.$ZodIssue, raw: Record<string, string>): ConfigProblem {
  const [name, position] = issue.path;
  const variable = String(name);
  const value = raw[variable];
  const shown = value !== undefined && mayShow(variable) ? `is ${JSON.stringify(value)}; ` : '';
  const place = typeof position === 'number' ? `entry ${position + 1}: ` : '';
  return {
    variable,
    problem: `${shown}${place}${issue.message}`,
    consequence: consequenceOf(variable),
  };
}

/** A misspelled name would leave its default in place without a word. */
function unknownVariables(raw: Record<string, string>): string[] {
  return Object.keys(raw)
    .filter((name) => name.startsWith('TENURE_') && !variables.includes(name))
    .map(
      (name) => `${name} is no variable of Tenure and means nothing.${didYouMean(name, variables)}`,
    );
}

function assemble(
  role: ProcessRole,
  environment: Environment,
  temporal: TemporalConfig,
  warnings: string[],
): Config {
  const production = environment.NODE_ENV === 'production';
  const simulator = environment.TENURE_SIMULATOR;
  return {
    role,
    production,
    logLevel: environment.LOG_LEVEL,
    http: {
      port: environment.PORT,
      workerPort: environment.TENURE_WORKER_PORT,
      webhookMaxBytes: environment.TENURE_WEBHOOK_MAX_BYTES,
    },
    mongo: { url: environment.MONGODB_URL, database: environment.MONGODB_DATABASE },
    temporal: {
      ...temporal,
      stickyTimeoutMs: environment.TENURE_STICKY_TIMEOUT_MS,
      queuePrefix: environment.TENURE_QUEUE_PREFIX,
      workflowBundle: environment.TENURE_WORKFLOW_BUNDLE ?? null,
    },
    workos: {
      apiKey: environment.WORKOS_API_KEY ?? null,
      apiUrl: environment.WORKOS_API_URL?.replace(/\/+$/, '') ?? null,
      webhookSecrets: environment.WORKOS_WEBHOOK_SECRET,
    },
    keys: callerKeys(environment),
    hostFilePath: environment.TENURE_CONFIG ?? null,
    events: environment.TENURE_EVENTS,
    observing: environment.TENURE_MODE === 'observe',
    simulator:
      simulator === undefined
        ? !production && environment.WORKOS_API_KEY === undefined
        : simulator === 'on',
    intervals: {
      dispatchMs: environment.TENURE_DISPATCH_INTERVAL_MS,
      sweepMs: environment.TENURE_SWEEP_INTERVAL_MS,
      pollMs: environment.TENURE_POLL_INTERVAL_MS,
      retryMaxMs: environment.TENURE_RETRY_MAX_MS,
      guardSettleMs: environment.TENURE_GUARD_SETTLE_MS,
      directoryWatchMs: environment.TENURE_DIRECTORY_WATCH_MS,
      reconcileMs: environment.TENURE_RECONCILE_INTERVAL_MS,
      revocationOverdueMs: environment.TENURE_REVOCATION_OVERDUE_MS,
    },
    limits: {
      joinAdmission: environment.TENURE_JOIN_ADMISSION,
      inboxBodyDays: environment.TENURE_INBOX_BODY_DAYS,
      hostWritesPerSecond: environment.TENURE_HOST_WRITES_PER_SECOND,
    },
    warnings,
  };
}

/** What one role needs, and what production refuses, apart from secrets. */
function checkRole(
  config: Config,
  environment: Environment,
  broken: ReadonlySet<string>,
  problems: ConfigProblem[],
): void {
  const add = (variable: string, problem: string): void => {
    if (!broken.has(variable)) {
      problems.push({ variable, problem, consequence: consequenceOf(variable) });
    }
  };
  const { production, workos } = config;
  const hasCounterpart = config.simulator && workos.apiUrl !== null;
  if (config.role === 'worker' && workos.apiKey === null && config.events === 'poll') {
    add('WORKOS_API_KEY', 'is not set; TENURE_EVENTS is poll, so no event would ever arrive');
  } else if (config.role === 'worker' && workos.apiKey === null && !hasCounterpart) {
    add('WORKOS_API_KEY', 'is not set, and no simulator stands in for WorkOS');
  }
  if (config.role === 'worker' && production && config.temporal.workflowBundle === null) {
    add('TENURE_WORKFLOW_BUNDLE', 'is not set; expected the path that `npm run bundle` wrote');
  }
  if (production && environment.TENURE_SIMULATOR === 'on') {
    add('TENURE_SIMULATOR', 'is on; production has no simulator');
  }
  if (production && workos.apiUrl !== null && isExposed(workos.apiUrl)) {
    add('WORKOS_API_URL', 'is not https; the API key would travel in plain');
  }
}

function isExposed(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== 'https:' && !['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
}

function warnAbout(config: Config, warnings: string[]): void {
  if (config.role === 'worker' && config.events !== 'webhook' && config.workos.apiKey === null) {
    warnings.push('WORKOS_API_KEY is not set: events arrive by webhook only.');
  }
  if (config.observing) {
    warnings.push(
      'TENURE_MODE is observe: nothing is written outside the database of Tenure, nobody is denied, ' +
        'and nobody is anonymized.',
    );
  }
  const { apiKey, tls } = config.temporal.connection;
  if (apiKey !== undefined && (tls === undefined || tls === false)) {
    warnings.push('TEMPORAL_TLS is false: TEMPORAL_API_KEY travels to Temporal in plain.');
  }
  if (config.role !== 'api') return;
  if (config.workos.webhookSecrets.length === 0 && config.events !== 'poll') {
    warnings.push('WORKOS_WEBHOOK_SECRET is not set: every webhook is answered 401.');
  }
  if (config.keys.admin.length === 0) {
    warnings.push('No admin key is set: the admin API answers 401 to everybody.');
  }
}

/** Deep, except for bytes (certificates): JavaScript cannot freeze those. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
