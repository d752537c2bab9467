import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

const errorsOnly = new DefaultLogger('ERROR');
let installed = false;

/**
 * Lets Temporal's SDK report errors only. The tests make activities fail on purpose, hundreds of times: warnings
 * of each of them would hide the one line that says what broke.
 */
export function quietTemporal(): void {
  // The SDK allows one runtime a process, and jest gives each test file modules of its own.
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: errorsOnly,
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
    },
  });
}

/** Where an activity runs by itself, as silent as the rest. */
export function activityAlone(): MockActivityEnvironment {
  return new MockActivityEnvironment({}, { logger: errorsOnly });
}
