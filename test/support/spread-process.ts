import { parseHostFile } from '../../platform/host-file/parse.ts';
import { newId } from '../../platform/ids.ts';
import { connectMongo, storeOn } from '../../platform/mongo/store.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { repeat } from '../../workers/repeat.ts';

/** The chore of a worker that spreads changed facts, in a process of its own: `<mongodb url> <database>`. */
const [url, database] = process.argv.slice(2);
if (url === undefined || database === undefined) throw new Error('Give a URL and a database.');

const store = storeOn(await connectMongo(url, 5000), database);
const { file } = parseHostFile('version: 1\n', 'the host file of the test');
repeat({
  intervalMs: 50,
  round: async () => spreadFacts(store, { file, newUserId: () => newId('user') }),
  onError: (error) => process.stderr.write(`${String(error)}\n`),
});
