import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { createLogger } from '../../platform/logger.ts';
import { createHostReport } from '../../workers/host-report.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
beforeEach(async () => {
  tenure = await openTenure();
});
afterEach(async () => tenure.close());

describe('the report about the host file', () => {
  it('tells each finding once, and counts what is so now', async () => {
    const lines: { code: string; where: string }[] = [];
    const log = createLogger({
      level: 'warn',
      role: 'worker',
      destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
    });
    const { store, hostDb } = tenure;
    const file = { ...tenure.file, database: hostDb.databaseName };
    const report = createHostReport(store, file, log);
    expect(report.counts()).toEqual({});
    await report.inspect();
    const told = lines.length;
    expect(report.counts()).toEqual({ collectionMissing: told });
    expect(lines.map(({ where }) => where)).toContain('sessions');

    await hostDb.collection('sessions').insertOne({ user: 'misspelled' });
    await report.inspect();
    expect(lines.slice(told).map(({ code, where }) => `${code} ${where}`)).toEqual([
      'fieldMissing sessions.userId',
      'fieldMissing sessions.organizationId',
      'indexMissing sessions.userId',
    ]);
    expect(report.counts()).toEqual({
      collectionMissing: told - 1,
      fieldMissing: 2,
      indexMissing: 1,
    });
  });
});
