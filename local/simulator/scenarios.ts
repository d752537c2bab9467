import type { ScenarioContext } from './scenario-context.ts';
import { playDemo } from './scenario-demo.ts';
import { playTenure } from './scenario-tenure.ts';
import type { Simulator } from './server.ts';
import { SimulatorError } from './world.ts';

/** Simulators on which a scenario is playing. */
const playing = new WeakSet<Simulator>();

const scenarios: Record<string, (context: ScenarioContext) => Promise<void>> = {
  demo: playDemo,
  tenure: playTenure,
};

/**
 * Starts a scenario, which plays on by itself and says in the log what went wrong.
 * @throws SimulatorError 404 for an unknown name, 409 while one is playing
 */
export function playScenario(name: string, context: ScenarioContext): void {
  const play = Object.hasOwn(scenarios, name) ? scenarios[name] : undefined;
  if (play === undefined) {
    const known = Object.keys(scenarios).join(', ');
    throw new SimulatorError(404, `There is no scenario ${name}; known are ${known}.`);
  }
  if (playing.has(context.simulator)) throw new SimulatorError(409, 'A scenario is playing.');
  playing.add(context.simulator);
  play(context)
    .catch((error: unknown) => {
      if (context.signal.aborted) return;
      context.log(`${name} stopped: ${error instanceof Error ? error.message : String(error)}`);
    })
    .finally(() => playing.delete(context.simulator));
}
