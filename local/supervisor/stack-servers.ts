import { mongodRecipe } from '../servers/mongod.ts';
import { which } from '../servers/fetching.ts';
import {
  resolveContext,
  resolveServer,
  type ResolvedServer,
  type ServerRecipe,
} from '../servers/resolve.ts';
import { temporalRecipe } from '../servers/temporal.ts';

/** The servers of a stack. Null: the user configured one that runs elsewhere. */
export interface StackServers {
  readonly mongod: ResolvedServer | null;
  readonly temporal: ResolvedServer | null;
  /** Path of the temporal executable; null where there is none and none is needed. */
  readonly temporalCli: string | null;
}

/**
 * Finds the servers that the stack needs, both at once, and says what was found. `MONGODB_URL` and
 * `TEMPORAL_ADDRESS` in the environment mean that none is needed.
 *
 * @throws ServerNotFoundError; where both fail, of both
 */
export async function resolveStackServers(
  env: Readonly<Record<string, string | undefined>>,
  report: (line: string) => void,
): Promise<StackServers> {
  const context = resolveContext(env, report);
  const find = async (recipe: ServerRecipe, configured: string): Promise<ResolvedServer | null> => {
    if (env[configured]) {
      report(`${recipe.name}: none is started, ${configured} is set`);
      return null;
    }
    const server = await resolveServer(recipe, context);
    report(`${server.name}: ${server.version} (${server.origin})`);
    return server;
  };
  const [mongod, temporal] = await Promise.allSettled([
    find(mongodRecipe, 'MONGODB_URL'),
    find(temporalRecipe, 'TEMPORAL_ADDRESS'),
  ]);
  const failures = [mongod, temporal].flatMap((result) =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('\n'));
  if (mongod.status === 'rejected' || temporal.status === 'rejected') throw failures[0];
  const temporalCli = temporal.value?.path ?? (await which('temporal', env));
  return { mongod: mongod.value, temporal: temporal.value, temporalCli };
}
