import { randomBytes } from 'node:crypto';
import { readJsonObject, writeJsonFile } from './json-file.ts';

/** What the embedded stack makes up for itself, so that no default password exists anywhere. */
export interface StackSecrets {
  readonly adminKey: string;
  readonly gateKey: string;
  readonly webhookSecret: string;
  /** The key by which API and worker are known to the simulator. */
  readonly simulatorApiKey: string;
  /** What Tenure signs with when it calls the example application, where its host file is used. */
  readonly exampleSecret: string;
}

/** The secrets of a state directory: made once, kept in a file that only its owner can read. */
export function keptSecrets(path: string): StackSecrets {
  const kept = readJsonObject(path);
  // Standard Webhooks takes base64 with + and / only.
  const value = (name: string, prefix: string, as: BufferEncoding = 'base64url'): string => {
    const old = kept[name];
    return typeof old === 'string' ? old : `${prefix}${randomBytes(24).toString(as)}`;
  };
  const secrets: StackSecrets = {
    adminKey: value('adminKey', 'admin_'),
    gateKey: value('gateKey', 'gate_'),
    webhookSecret: value('webhookSecret', 'whsec_'),
    simulatorApiKey: value('simulatorApiKey', 'sk_test_'),
    exampleSecret: value('exampleSecret', 'whsec_', 'base64'),
  };
  writeJsonFile(path, secrets);
  return secrets;
}
