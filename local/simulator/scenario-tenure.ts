import { findDirectory } from './lookup.ts';
import { join } from './people.ts';
import { openStage, watchTenure } from './scenario-stage.ts';
import type { ScenarioContext } from './scenario-context.ts';
import type { Person } from './state.ts';

/**
 * One whole tenure with two new people in the sandbox organization of the demo: joined, updated, left, one of them
 * back in time and the other forgotten. May be played as often as one likes.
 */
export async function playTenure(context: ScenarioContext): Promise<void> {
  const { world } = context.simulator;
  const directory = findDirectory(world.state, 'entra');
  const stage = await openStage(context);
  const arrive = (firstName: string): Person =>
    join(world, directory, {
      firstName,
      lastName: 'Guest',
      email: `${firstName.toLowerCase()}-${world.id('guest').slice(-8).toLowerCase()}@sandbox.example`,
      customAttributes: { department_name: 'Guests', manager_email: 'nadia@sandbox.example' },
    });
  try {
    const [leaver, returner] = [arrive('Juno'), arrive('Remy')];
    stage.log(`${leaver.handle} and ${returner.handle} joined ${directory.name}`);
    await stage.seed([leaver, returner]);
    await watchTenure(stage, { leaver: leaver.user.id, returner: returner.user.id });
  } finally {
    await stage.close();
  }
}
