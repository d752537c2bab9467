/** `npm start`: the whole of Tenure on the embedded stack, until Ctrl-C. */
import '../platform/check-node.js';
import { fileURLToPath } from 'node:url';
import { runTenureStack } from './supervisor/tenure-stack.ts';

// A terminal that was closed must not keep the stack from being stopped in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const exitCode = await runTenureStack({
  args: process.argv.slice(2),
  env: process.env,
  root: fileURLToPath(new URL('..', import.meta.url)),
  report: (line) => console.log(line),
});
process.exit(exitCode);
