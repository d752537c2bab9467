import { inspectHost, type HostFinding } from '../connectors/mongodb/inspection.ts';
import type { HostFile } from '../domain/host-file.ts';
import type { Logger } from '../platform/logger.ts';
import type { Store } from '../platform/mongo/store.ts';

/** What of the host file does not fit to the host application's database, as far as it was looked at last. */
export interface HostReport {
  /** Looks again, and logs what it did not find before. */
  inspect(): Promise<void>;
  /** How many findings there are of each code. */
  counts(): Record<string, number>;
}

/**
 * Compares the host file with the host application's database. It refuses nothing, since a collection appears
 * with its first document; but a wrong name must not be found out at the first leaving.
 */
export function createHostReport(store: Store, file: HostFile, log: Logger): HostReport {
  let findings: HostFinding[] = [];
  return {
    async inspect() {
      if (file.database === null) return;
      const known = new Set(findings.map(keyOf));
      findings = await inspectHost(store.client.db(file.database), file);
      for (const { code, where } of findings) {
        if (!known.has(keyOf({ code, where }))) log.warn({ code, where }, 'host application');
      }
    },
    counts() {
      const counts: Record<string, number> = {};
      for (const { code } of findings) counts[code] = (counts[code] ?? 0) + 1;
      return counts;
    },
  };
}

function keyOf({ code, where }: Pick<HostFinding, 'code' | 'where'>): string {
  return `${code} ${where}`;
}
