import { takeIn, type IntakeOptions } from '../../intake/take-in.ts';
import { parseHostFile } from '../../platform/host-file/parse.ts';
import { newId } from '../../platform/ids.ts';
import { migrate } from '../../platform/mongo/migrations.ts';
import { clientOptions, storeOn, type Store } from '../../platform/mongo/store.ts';
import { openMembership } from '../../transitions/membership/open-membership.ts';
import { recordLook } from '../../transitions/lifecycle/record-look.ts';
import { recordProjected } from '../../transitions/lifecycle/record-projected.ts';
import { MongoClient } from 'mongodb';

import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { userEvent } from '../support/events.ts';
import { personMaker } from './deliveries.ts';
import type { BenchStack } from './stack.ts';
import type { Figure } from './stats.ts';

/**
 * How often one event, and one join, goes to MongoDB and back: counted by the driver's command monitoring, so it
 * is the same on every machine. In an organization and a directory that are known already.
 */
export async function measureRoundTrips(stack: BenchStack): Promise<Figure[]> {
  const client = new MongoClient(stack.mongodbUrl, { ...clientOptions, monitorCommands: true });
  const commands: string[] = [];
  client.on('commandStarted', ({ commandName }) => {
    if (commandName !== 'endSessions') commands.push(commandName);
  });
  const store = storeOn(client, 'round-trips');
  await migrate(store);
  const { file } = parseHostFile('version: 1\n', 'minimal.yaml');
  const options: IntakeOptions = {
    file,
    newUserId: () => newId('user'),
    bodyDays: 30,
    timeoutMs: 10_000,
  };
  const take = async (event: EventEnvelope): Promise<unknown> =>
    takeIn(store, event, { transport: 'webhook', receivedAt: new Date() }, options);
  const counted = async (name: string, work: () => Promise<unknown>): Promise<Figure> => {
    commands.length = 0;
    await work();
    if (process.env['BENCH_COMMANDS']) process.stderr.write(`${name}: ${commands.join(' ')}\n`);
    return { name: `round trips: ${name}`, unit: 'commands', value: commands.length };
  };
  const newPerson = personMaker(1);
  await take(userEvent('created', newPerson()));
  const person = newPerson();
  const figures = [
    await counted('created, somebody new', async () => take(userEvent('created', person))),
    await counted('lifecycle of a join, without the host', async () => join(store, person.id)),
    await counted('updated, another name', async () =>
      take(userEvent('updated', { ...person, lastName: 'Byron' })),
    ),
    await counted('deleted', async () => take(userEvent('deleted', person))),
  ];
  await client.close();
  return figures;
}

/** The looks and steps of a join as its workflow takes them. */
async function join(store: Store, directoryUserId: string): Promise<void> {
  const { file } = parseHostFile('version: 1\n', 'minimal.yaml');
  const mirror = await store.collections.directoryUsers.findOne({ 'records.id': directoryUserId });
  const membershipId = mirror?.membershipId ?? '';
  for (;;) {
    const look = await recordLook(store, file, membershipId, Date.now());
    if (look === null || look.step.do === 'rest') return;
    if (look.step.do === 'project') await recordProjected(store, membershipId, 1);
    else if (look.step.do === 'open') await openMembership(store, membershipId, look.revision);
    else throw new Error(`A join does not ${look.step.do}.`);
  }
}
