import { z } from 'zod';

import { SimulatorError } from './world.ts';
import type { World } from './world.ts';

/** A command of the control API: what `POST /simulator/<name>` takes, and what it does. Its result is the answer. */
export interface Command {
  run(world: World, body: Record<string, unknown>): unknown;
}

/** @throws SimulatorError 422 with every mistake of the body */
export function command<T extends z.ZodType>(
  schema: T,
  run: (world: World, input: z.infer<T>) => unknown,
): Command {
  return {
    run(world, body) {
      const parsed = schema.safeParse(body);
      if (!parsed.success) throw new SimulatorError(422, z.prettifyError(parsed.error));
      return run(world, parsed.data);
    },
  };
}
