import { loadClientConnectConfig } from '@temporalio/envconfig';

import type { Environment } from './config-variables.ts';
import { consequenceOf } from './config-variables.ts';
import type { ConfigProblem } from './config-error.ts';
import { isError } from './safe-error.ts';

/** How to reach Temporal. `connection` fits `Connection.connect` and `NativeConnection.connect` alike. */
export interface TemporalConfig {
  namespace: string;
  connection: TemporalConnection;
}

/** Options of a connection. Absent fields are left to the SDK. */
export interface TemporalConnection {
  address: string;
  apiKey?: string;
  /** true: TLS with the system's certificates. */
  tls?: boolean | TemporalTls;
  /** gRPC headers of `TEMPORAL_GRPC_META_*`. */
  metadata?: Record<string, string>;
}

export interface TemporalTls {
  serverNameOverride?: string;
  serverRootCACertificate?: Uint8Array;
  clientCertPair?: { crt: Uint8Array; key: Uint8Array };
}

const metadataPrefix = 'TEMPORAL_GRPC_META_';

/**
 * Temporal's own variables, by Temporal's own loader, so that they mean what they mean to its CLI. Two
 * deviations: a profile file is read only where `TEMPORAL_CONFIG_FILE` names one (else the personal CLI
 * profile of whoever starts a service would lend it a cloud key), and what the loader would ignore in
 * silence is a problem.
 */
export function loadTemporal(
  raw: Record<string, string>,
  environment: Environment,
  problems: ConfigProblem[],
): TemporalConfig {
  const fallback: TemporalConfig = {
    namespace: 'default',
    connection: { address: '127.0.0.1:7233' },
  };
  checkIgnored(raw, problems);
  try {
    const loaded = loadClientConnectConfig({
      disableFile: environment.TEMPORAL_CONFIG_FILE === undefined,
      configFileStrict: true,
      overrideEnvVars: variablesForLoader(raw, environment),
    });
    const { address, apiKey, tls } = loaded.connectionOptions;
    const connection: TemporalConnection = { address: address ?? fallback.connection.address };
    if (typeof apiKey === 'string') connection.apiKey = apiKey;
    if (tls !== undefined && tls !== null) connection.tls = tlsOf(tls);
    const metadata = { ...textsOf(loaded.connectionOptions.metadata), ...metadataOf(raw) };
    if (Object.keys(metadata).length > 0) connection.metadata = metadata;
    return { namespace: loaded.namespace ?? fallback.namespace, connection };
  } catch (error) {
    problems.push(loaderProblem(error, environment));
    return fallback;
  }
}

function variablesForLoader(
  raw: Record<string, string>,
  environment: Environment,
): Record<string, string> {
  const own = Object.entries(raw).filter(
    ([name]) => name.startsWith('TEMPORAL_') && !name.startsWith(metadataPrefix),
  );
  const variables = Object.fromEntries(own);
  if (environment.TEMPORAL_TLS !== undefined) variables['TEMPORAL_TLS'] = environment.TEMPORAL_TLS;
  return variables;
}

type LoadedTls = Exclude<
  ReturnType<typeof loadClientConnectConfig>['connectionOptions']['tls'],
  undefined | null
>;

/** Drops the fields that the loader sets to undefined: they would count as given. */
function tlsOf(tls: LoadedTls): boolean | TemporalTls {
  if (typeof tls === 'boolean') return tls;
  const clean: TemporalTls = {};
  if (tls.serverNameOverride !== undefined && tls.serverNameOverride !== null) {
    clean.serverNameOverride = tls.serverNameOverride;
  }
  if (tls.serverRootCACertificate) clean.serverRootCACertificate = tls.serverRootCACertificate;
  if (tls.clientCertPair) {
    clean.clientCertPair = { crt: tls.clientCertPair.crt, key: tls.clientCertPair.key };
  }
  return clean;
}

/** The loader replaces only the first underscore of a header's name, so headers are read here. */
function metadataOf(raw: Record<string, string>): Record<string, string> {
  const headers = Object.entries(raw)
    .filter(([name]) => name.startsWith(metadataPrefix) && name.length > metadataPrefix.length)
    .map(([name, value]): [string, string] => [
      name.slice(metadataPrefix.length).toLowerCase().replaceAll('_', '-'),
      value,
    ]);
  return Object.fromEntries(headers);
}

function textsOf(metadata: Record<string, unknown> | undefined): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata ?? {})) {
    if (typeof value === 'string') texts[name] = value;
  }
  return texts;
}

/** What Temporal's loader, or Tenure, would leave out without a word. */
function checkIgnored(raw: Record<string, string>, problems: ConfigProblem[]): void {
  const tls = 'TEMPORAL_TLS_';
  const given = (part: string): boolean =>
    raw[`${tls}${part}_PATH`] !== undefined || raw[`${tls}${part}_DATA`] !== undefined;
  const add = (variable: string, problem: string): void => {
    problems.push({ variable, problem, consequence: consequenceOf(variable) });
  };
  for (const part of ['CLIENT_CERT', 'CLIENT_KEY', 'SERVER_CA_CERT']) {
    if (raw[`${tls}${part}_PATH`] !== undefined && raw[`${tls}${part}_DATA`] !== undefined) {
      add(`${tls}${part}_DATA`, `is set together with ${tls}${part}_PATH; expected one of them`);
    }
  }
  if (given('CLIENT_CERT') !== given('CLIENT_KEY')) {
    const missing = given('CLIENT_CERT') ? 'CLIENT_KEY' : 'CLIENT_CERT';
    add(`${tls}${missing}_PATH`, 'is not set; a client certificate and its key come together');
  }
  if (raw[`${tls}DISABLE_HOST_VERIFICATION`] !== undefined) {
    add(
      `${tls}DISABLE_HOST_VERIFICATION`,
      `is not supported; use ${tls}SERVER_NAME or ${tls}SERVER_CA_CERT_PATH`,
    );
  }
  for (const name of ['TEMPORAL_CODEC_ENDPOINT', 'TEMPORAL_CODEC_AUTH']) {
    if (raw[name] !== undefined) add(name, 'is not supported: payloads hold ids only, in plain');
  }
  if (raw['TEMPORAL_PROFILE'] !== undefined && raw['TEMPORAL_CONFIG_FILE'] === undefined) {
    add('TEMPORAL_CONFIG_FILE', 'is not set, although TEMPORAL_PROFILE names a profile in it');
  }
}

/** The loader's messages may quote lines of a file that holds keys, so only its kind of failure is told. */
function loaderProblem(error: unknown, environment: Environment): ConfigProblem {
  const code = isError(error) && 'code' in error ? String(error.code) : '';
  const problem = /^E[A-Z]+$/.test(code)
    ? `a file named by TEMPORAL_CONFIG_FILE or TEMPORAL_TLS_*_PATH cannot be read (${code})`
    : 'the profile file cannot be used: not TOML, an unknown key, or no such profile';
  const variable =
    environment.TEMPORAL_CONFIG_FILE === undefined ? 'TEMPORAL_TLS_*_PATH' : 'TEMPORAL_CONFIG_FILE';
  return { variable, problem, consequence: consequenceOf(variable) };
}
