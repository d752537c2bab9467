import type { Simulator } from './server.ts';

/** What a scenario may use besides the simulated world. */
export interface ScenarioContext {
  simulator: Simulator;
  tenure: { apiUrl: string; adminKey: string; mongodbUrl: string };
  log: (message: string) => void;
  signal: AbortSignal;
}

export function playScenario(name: string, context: ScenarioContext): void {
  context.log(`${name}`);
}
