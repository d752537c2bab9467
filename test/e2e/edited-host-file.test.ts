import { readFile, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { startProcesses, type TenureProcesses } from '../support/processes.ts';

const judgedAnew = 'the defaults of the host file that decide who is in have changed';

describe('a worker that is restarted with an edited host file', () => {
  let tenure: TenureProcesses;
  let original: string;

  beforeAll(async () => {
    tenure = await startProcesses();
    original = await readFile(tenure.hostFile, 'utf8');
  }, 120_000);

  afterAll(async () => tenure?.stop(), 60_000);

  async function restartWith(file: string): Promise<void> {
    await writeFile(tenure.hostFile, file);
    await tenure.worker.stop();
    await tenure.worker.start();
  }

  const timesJudgedAnew = (): number => tenure.worker.log().split(judgedAnew).length - 1;

  it('puts out by the new defaults whom they put out, and holds them up until it is undone', async () => {
    const { simulator } = tenure;
    const { organization, directory } = simulator.tenant();
    const join = (firstName: string, status: string) =>
      simulator.join(directory.id, { firstName, customAttributes: { status } }).user.id;
    const [gone, stays] = [join('Gone', 'terminated'), join('Stays', 'active')];
    const isIn = (m: any): boolean => m.access.state === 'open';
    await tenure.until(gone, isIn);
    await tenure.until(stays, isIn);
    expect(timesJudgedAnew()).toBe(0);

    const rule = "    leavingAttributes: [{ attribute: status, values: ['terminated'] }]\n";
    const edited = original.replace(
      '    deletionAllowed: true\n',
      `    deletionAllowed: true\n${rule}`,
    );
    expect(edited).toContain(rule);
    await restartWith(edited);
    const out = await tenure.until(gone, (m) => m.phase === 'blocked');
    expect(out).toMatchObject({
      access: { state: 'closed', reason: 'notBacked' },
      blockedBy: [{ code: 'guard' }],
    });
    const { body } = await tenure.call('GET', `/v1/guards?organizationId=${organization.id}`);
    expect(body.data).toMatchObject([{ kind: 'configuration', state: 'open', waiting: 1 }]);
    expect(await tenure.access(organization.id, { directoryUserId: stays })).toMatchObject({
      allowed: true,
    });
    expect(timesJudgedAnew()).toBe(1);

    // The API still runs with the file from before, and judges by what is written down.
    const late = join('Late', 'terminated');
    const sentinel = join('Sentinel', 'active');
    await tenure.until(sentinel, isIn);
    expect(await tenure.access(organization.id, { directoryUserId: late })).toMatchObject({
      allowed: false,
    });

    await restartWith(edited);
    expect(timesJudgedAnew()).toBe(1);
    await restartWith(original);
    await tenure.until(gone, isIn);
    await tenure.until(late, isIn);
    expect(timesJudgedAnew()).toBe(2);
  }, 120_000);
});
