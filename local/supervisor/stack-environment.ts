import type { StackSecrets } from './secrets.ts';
import type { StackAddresses } from './stack-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environments of Tenure's own processes are made of. */
export interface EnvironmentInput {
  /** What the user gave; it wins over everything but the addresses of embedded servers. */
  readonly env: Environment;
  readonly addresses: StackAddresses;
  readonly apiPort: number;
  /** Where the worker answers for its health and metrics. */
  readonly workerPort: number;
  readonly secrets: StackSecrets;
  /** The description of the demo's host application; null where it is not there. */
  readonly demoConfig: string | null;
}

/** The environment of API and worker. */
export function serviceEnvironment(input: EnvironmentInput): Environment {
  const { addresses, secrets } = input;
  // The supervisor's own setting, which the services would not know.
  const { TENURE_STATE_DIRECTORY: _, ...env } = input.env;
  const hasAdminKey = Boolean(env['TENURE_ADMIN_KEY'] || env['TENURE_ADMIN_KEYS']);
  return {
    ...env,
    PORT: String(input.apiPort),
    TENURE_WORKER_PORT: env['TENURE_WORKER_PORT'] || String(input.workerPort),
    MONGODB_URL: addresses.mongodbUrl,
    TEMPORAL_ADDRESS: addresses.temporalAddress,
    TEMPORAL_NAMESPACE: env['TEMPORAL_NAMESPACE'] || 'default',
    ...(hasAdminKey ? {} : { TENURE_ADMIN_KEY: secrets.adminKey }),
    TENURE_GATE_KEY: env['TENURE_GATE_KEY'] || secrets.gateKey,
    // What examples/host-app/tenure.yaml names; no other host file does.
    ACME_TENURE_SECRET: env['ACME_TENURE_SECRET'] || secrets.exampleSecret,
    ...(env['TENURE_CONFIG'] || input.demoConfig === null
      ? {}
      : { TENURE_CONFIG: input.demoConfig }),
    ...(addresses.simulatorUrl === null
      ? { TENURE_SIMULATOR: 'off' }
      : simulatorAccess(input, addresses.simulatorUrl)),
  };
}

function simulatorAccess(input: EnvironmentInput, simulatorUrl: string): Environment {
  const { env, secrets } = input;
  return {
    TENURE_SIMULATOR: 'on',
    WORKOS_API_KEY: env['WORKOS_API_KEY'] || secrets.simulatorApiKey,
    WORKOS_API_URL: simulatorUrl,
    WORKOS_WEBHOOK_SECRET: env['WORKOS_WEBHOOK_SECRET'] || secrets.webhookSecret,
  };
}

/**
 * The environment of the simulator.
 *
 * @param fresh whether it starts without state of its own: the demo's directories and data are then made
 */
export function simulatorEnvironment(
  input: EnvironmentInput,
  simulator: { readonly port: number; readonly stateFile: string; readonly fresh: boolean },
): Environment {
  const service = serviceEnvironment(input);
  const { SIMULATOR_FRESH: _, ...env } = service;
  return {
    ...env,
    SIMULATOR_PORT: String(simulator.port),
    SIMULATOR_STATE: simulator.stateFile,
    SIMULATOR_SCENARIO: input.env['SIMULATOR_SCENARIO'] || 'demo',
    ...(simulator.fresh ? { SIMULATOR_FRESH: '1' } : {}),
    // The simulator signs with one secret, also while several are accepted.
    WORKOS_WEBHOOK_SECRET: service['WORKOS_WEBHOOK_SECRET']?.split(',')[0]?.trim(),
    TENURE_WEBHOOK_URL: `${input.addresses.apiUrl}/webhooks/workos`,
    TENURE_API_URL: input.addresses.apiUrl,
    TENURE_ADMIN_KEY: adminKeys(input)[0].key,
  };
}

/** An admin key of the API; its name is who did something. */
export interface AdminKey {
  readonly name: string;
  readonly key: string;
}

/** The keys with which the API can be administered: the user's, else the generated one. */
export function adminKeys({
  env,
  secrets,
}: Pick<EnvironmentInput, 'env' | 'secrets'>): readonly [AdminKey, ...AdminKey[]] {
  const listed = (env['TENURE_ADMIN_KEYS'] ?? '').split(',').map((entry) => entry.trim());
  const named = listed.flatMap((entry) => {
    const [name = '', key] = entry.split(/:(.*)/s);
    return key === undefined ? [] : [{ name, key }];
  });
  const single = env['TENURE_ADMIN_KEY'];
  const [first, ...rest] = single ? [{ name: 'admin', key: single }, ...named] : named;
  return first === undefined ? [{ name: 'admin', key: secrets.adminKey }] : [first, ...rest];
}
