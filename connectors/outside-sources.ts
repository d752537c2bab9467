import type { HostFile } from '../domain/host-file.ts';
import type { SecretWanted } from '../platform/outgoing/secrets.ts';
import type { CredentialSource } from './credential-source.ts';
import { createHttpSource } from './http/http-source.ts';
import { restingSource } from './resting-source.ts';

/** What the sources outside the host application's database are made with. */
export interface OutsideNeeds {
  /** By environment variable: `readSecrets` of `secretsOfSources`. */
  secrets: ReadonlyMap<string, readonly string[]>;
  /** The source of a kind whose connector is `workos`; null: no WorkOS key. */
  workos: ((kind: string) => CredentialSource) | null;
}

/** The variables without which the sources of the host file could not be asked. */
export function secretsOfSources(file: Pick<HostFile, 'sessions'>): SecretWanted[] {
  return file.sessions.flatMap((source) => {
    if (source.connector !== 'http') return [];
    return {
      variable: source.secretEnv,
      where: `the sessions of kind ${source.kind}`,
      consequence: 'The host application could not tell who asks it to revoke, and would refuse.',
    };
  });
}

/**
 * The sources of the host file that are asked over the network. Those in the host application's database are
 * `HostApplication.credentialSources`.
 */
export function createOutsideSources(
  file: Pick<HostFile, 'sessions'>,
  { secrets, workos }: OutsideNeeds,
): CredentialSource[] {
  return file.sessions.flatMap((source) => {
    if (source.connector === 'workos') return workos === null ? [] : workos(source.kind);
    if (source.connector !== 'http') return [];
    return restingSource(createHttpSource(source, secrets.get(source.secretEnv) ?? []));
  });
}
