import type { Simulator } from './server.ts';

/** What a scenario may use besides the simulated world. */
export interface ScenarioContext {
  simulator: Simulator;
  /** Where Tenure answers, and where the host application's database is (`acme`, unless named). */
  tenure: {
    apiUrl: string;
    adminKey: string;
    mongodbUrl: string;
    hostDatabase?: string;
    /** It runs with `TENURE_MODE=observe`: the host application is left as it is, and nobody is forgotten. */
    observing?: boolean;
  };
  /** One line for whoever watches. */
  log: (message: string) => void;
  /** Aborted when the simulator stops: the scenario goes on at the next start. */
  signal: AbortSignal;
}
