import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { directoryEvent, workosId } from '../support/events.ts';
import { startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => api.close());

async function connect(type: 'activated' | 'deleted' = 'activated'): Promise<string> {
  const directory = { id: workosId('directory'), organizationId: workosId('org') };
  await api.deliver(directoryEvent('activated', directory));
  if (type === 'deleted') await api.deliver(directoryEvent('deleted', directory));
  return directory.id;
}

async function find(id: string) {
  return api.store.collections.directories.findOne({ _id: id });
}

describe('asking for a comparison of a directory', () => {
  it('is written down for a worker, with who asked and why', async () => {
    const id = await connect();
    await api.store.collections.directories.updateOne(
      { _id: id },
      { $unset: { reconcileWantedAt: '' } },
    );
    const { status, json } = await api.call('POST', `/v1/directories/${id}/reconcile`, {
      body: { reason: 'The connector was broken' },
    });
    expect(status).toBe(202);
    expect(json).toMatchObject({ id, reconcileWantedAt: expect.any(String) });
    const directory = await find(id);
    expect(directory?.reconcileWantedAt?.toISOString()).toBe(json.reconcileWantedAt);
    expect(directory?.reconcileAsked).toMatchObject({ by: 'admin:ada' });
    const kept = await api.store.collections.reasons.findOne({
      _id: directory?.reconcileAsked?.reasonId ?? '',
    });
    expect(kept).toMatchObject({ text: 'The connector was broken', membershipId: null });
  });

  it('is asked for by the activation of a directory', async () => {
    expect((await find(await connect()))?.reconcileWantedAt).toBeInstanceOf(Date);
  });

  it('is refused for a directory that is unknown or was deleted', async () => {
    const unknown = await api.call('POST', '/v1/directories/directory_x/reconcile', { body: {} });
    expect(unknown).toMatchObject({ status: 404, json: { code: 'notFound' } });
    const id = await connect('deleted');
    const deleted = await api.call('POST', `/v1/directories/${id}/reconcile`, { body: {} });
    expect(deleted).toMatchObject({ status: 409, json: { code: 'directoryDeleted' } });
    expect((await find(id))?.reconcileAsked).toBeUndefined();
  });

  it('shows what the last one found', async () => {
    const id = await connect();
    const organizationId = (await find(id))?.organizationId ?? '';
    const tally = { seen: 2, added: 1, changed: 0, absent: 0 };
    const run = {
      directoryId: id,
      organizationId,
      asked: null,
      finishedAt: new Date(),
      outcome: 'complete' as const,
      stopped: null,
      counts: { users: tally, groups: tally, edges: tally, unreadable: 0, newer: 0 },
    };
    const { reconciliations } = api.store.collections;
    await reconciliations.insertMany([
      { ...run, _id: 'run_old', startedAt: new Date(1), outcome: 'stopped', stopped: 'refused' },
      { ...run, _id: 'run_new', startedAt: new Date() },
    ]);
    const { json } = await api.call('GET', `/v1/directories?organizationId=${organizationId}`);
    expect(json.data).toEqual([
      expect.objectContaining({
        id,
        lastReconciliation: expect.objectContaining({
          id: 'run_new',
          outcome: 'complete',
          counts: run.counts,
        }),
      }),
    ]);
  });
});
