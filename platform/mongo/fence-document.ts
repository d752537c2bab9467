import type { AccessRules } from '../../domain/policy.ts';

/** Locks and single facts: `key/<organization>/<bucket>`, `people/<organization>/<bucket>`, `import/<organization>/<bucket>`, `resourceHolds`, `anchor`, `schema`, `fileRules`. */
export interface FenceDocument {
  _id: string;
  revision: number;
  epoch?: string;
  /** Of `fileRules`: what the host file of the last worker to start says of who is in. */
  rules?: AccessRules;
}
