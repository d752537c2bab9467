import { join, resolve } from 'node:path';

import { writeJsonFile } from './json-file.ts';
import { serviceEnvironment, type EnvironmentInput } from './stack-environment.ts';

/**
 * What `npm run example` finds in `example.json` of the state directory while the stack runs, so that nobody has to
 * carry a secret from one terminal to the other. It is what the processes of the stack really have: what the
 * user gave, else what the stack made.
 */
export interface ExampleFacts {
  readonly mongodbUrl: string;
  /** The simulator; null: the real WorkOS. */
  readonly workosApiUrl: string | null;
  /** Of the simulator only: a key of the real WorkOS is written down nowhere. */
  readonly workosApiKey: string | null;
  /** What Tenure signs its calls with (`ACME_TENURE_SECRET`). */
  readonly tenureSecret: string;
  /** Absolute path of the host file that Tenure runs with. */
  readonly hostFile: string | null;
}

/** What the example application is told of a stack. */
export function exampleFacts(input: EnvironmentInput): ExampleFacts {
  const service = serviceEnvironment(input);
  const { mongodbUrl, simulatorUrl } = input.addresses;
  const hostFile = service['TENURE_CONFIG'];
  return {
    mongodbUrl,
    workosApiUrl: simulatorUrl,
    workosApiKey: simulatorUrl === null ? null : (service['WORKOS_API_KEY'] ?? null),
    tenureSecret: service['ACME_TENURE_SECRET'] ?? '',
    hostFile: hostFile ? resolve(hostFile) : null,
  };
}

/** Readable by its owner only. */
export function writeExampleFile(path: string, facts: ExampleFacts): void {
  writeJsonFile(path, facts);
}

/** Whether a host file is the one of the example application: only then does Tenure call it. */
export function isExamplesOwn(hostFile: string | null, root: string): boolean {
  return hostFile !== null && hostFile === join(resolve(root), 'examples/host-app/tenure.yaml');
}
