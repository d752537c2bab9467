import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { refusalCodes } from '../../domain/errors.ts';
import { searchAttributeNames } from '../../domain/messages.ts';
import { notificationTypes } from '../../domain/notifications.ts';
import { accessReasons, blockerCodes, commandNames, phases } from '../../domain/words.ts';
import { parseArguments } from '../../local/simulator/cli-arguments.ts';
import { parseHostFile } from '../../platform/host-file/parse.ts';

const root = resolve(import.meta.dirname, '../..');

interface Page {
  /** Relative to the root. */
  path: string;
  text: string;
  lines: string[];
}

const pages: Page[] = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...filesIn('docs', /\.md$/),
].map((path) => {
  const text = read(path);
  return { path, text, lines: text.split('\n') };
});

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));
}

/** Each match of a pattern's first group, with where it stands. */
function mentions(pattern: RegExp): { where: string; name: string }[] {
  return pages.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      [...line.matchAll(pattern)].map((match) => ({
        where: `${path}:${index + 1}`,
        name: match[1] ?? '',
      })),
    ),
  );
}

function wrong(
  found: { where: string; name: string }[],
  isRight: (name: string) => boolean,
): string[] {
  return found.filter(({ name }) => !isRight(name)).map(({ where, name }) => `${where} ${name}`);
}

/** The lines of every fenced block of a language; a line that ends in a backslash goes on in the next one. */
function blocks(language: string): { where: string; text: string }[] {
  return pages.flatMap(({ path, text }) =>
    [...text.matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\``, 'gm'))].map(
      (match) => ({
        where: `${path}:${text.slice(0, match.index).split('\n').length}`,
        text: (match[1] ?? '').replaceAll(/\\\n */g, ''),
      }),
    ),
  );
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('links in the documentation', () => {
  const links = pages.flatMap((page) =>
    [...page.text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map((match) => {
      const [file = '', anchor] = (match[1] ?? '').split('#');
      const target =
        file === '' ? page.path : relative(root, resolve(root, dirname(page.path), file));
      return { where: page.path, target, anchor };
    }),
  );

  it('are there to be checked', () => {
    expect(links.length).toBeGreaterThan(50);
  });

  it('lead to files that exist', () => {
    expect(links.filter(({ target }) => !existsSync(join(root, target)))).toEqual([]);
  });

  it('lead to headings that exist', () => {
    const broken = links.filter(
      ({ target, anchor }) => anchor !== undefined && !anchorsOf(read(target)).includes(anchor),
    );
    expect(broken).toEqual([]);
  });
});

describe('what the documentation names', () => {
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'dist')
    .map(({ name }) => name.replace('.', String.raw`\.`));

  it('in the form of a path exists', () => {
    const paths = mentions(
      new RegExp(`\`((?:\\./)?(?:${folders.join('|')})/[\\w./-]*)\``, 'g'),
    ).filter(({ name }) => !name.startsWith('.tenure/') && !name.startsWith('dist/'));
    expect(paths.length).toBeGreaterThan(5);
    expect(wrong(paths, (name) => existsSync(join(root, name)))).toEqual([]);
  });

  it('as a script of npm exists', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...mentions(/\bnpm run ([\w:-]+)/g), ...mentions(/\bnpm (start|test)\b/g)];
    expect(named.length).toBeGreaterThan(10);
    expect(wrong(named, (name) => Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('as a variable of the environment means something', () => {
    const known = [
      '.env.example',
      'docker-compose.yml',
      ...['deploy', 'local', 'platform', 'test/support'].flatMap((folder) =>
        filesIn(folder, /\.(ts|sh|js|yaml)$/),
      ),
    ];
    const text = known.map(read).join('\n');
    const named = mentions(
      /(?<![\w<])((?:TENURE|TEMPORAL|WORKOS|MONGODB|SIMULATOR)_[A-Z_]*[A-Z])\b(?!_)/g,
    );
    expect(named.length).toBeGreaterThan(50);
    // Put together from parts in `platform/config-temporal.ts`.
    const composed = ['TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'];
    const isKnown = (name: string): boolean =>
      composed.includes(name) || new RegExp(`\\b${name}\\b`).test(text);
    expect(wrong(named, isKnown)).toEqual([]);
  });

  it('has every variable that the Compose file demands', () => {
    const demanded = [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+):\?/g)];
    expect(demanded.length).toBeGreaterThan(5);
    const text = read('docs/operating.md');
    expect(demanded.filter(([, name]) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  it('as a metric is measured', () => {
    const source = read('platform/metrics.ts');
    const named = mentions(/\b(tenure_[a-z_]+[a-z])\b/g);
    expect(named.length).toBeGreaterThan(5);
    expect(wrong(named, (name) => source.includes(`'${name}'`))).toEqual([]);
  });

  it('as a command of the simulator is understood by it', () => {
    const commands = mentions(/npm run simulate -- ([^`#<]+)/g).filter(
      ({ name }) => !name.trim().endsWith('...'),
    );
    expect(commands.length).toBeGreaterThan(10);
    const refused = commands.flatMap(({ where, name }) => {
      const words = [...name.trim().matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
      try {
        parseArguments(words);
        return [];
      } catch (error) {
        return [`${where} ${name}: ${String(error)}`];
      }
    });
    expect(refused).toEqual([]);
  });

  it('as a search attribute of Temporal is one', () => {
    const known: string[] = Object.values(searchAttributeNames);
    const named = mentions(/\b(Tenure(?:Phase|Organization|Due|Blocked)\w*)/g);
    expect(named.length).toBeGreaterThan(4);
    expect(wrong(named, (name) => known.includes(name))).toEqual([]);
  });
});

/**
 * Calls that are planned. A page may name one where it says that it is planned; once it exists it has to leave
 * this list.
 */
const planned: string[] = [];

describe('calls of the API in the documentation', () => {
  const { paths }: { paths: Record<string, object> } = JSON.parse(read('openapi.json'));

  /** Whether the table of routes has the method at a path, whose parameters may be anything. */
  function isKnown(method: string, path: string): boolean {
    const segments = path.split('/');
    return Object.entries(paths).some(([template, methods]) => {
      const parts = template.split('/');
      const fits = parts.every((part, i) => part.startsWith('{') || part === segments[i]);
      return (
        fits && parts.length === segments.length && Object.hasOwn(methods, method.toLowerCase())
      );
    });
  }

  it('name the method and the path of a route', () => {
    // The corpus of bad input calls what does not exist on purpose, and is sent by a test of its own.
    const named = mentions(/\b((?:GET|POST|PUT|PATCH|DELETE) \/[\w/{}.-]*[\w}])/g).filter(
      ({ where }) => !where.startsWith('docs/bad-input.md'),
    );
    expect(named.length).toBeGreaterThan(15);
    const unknown = wrong(named, (call) => {
      const [method = '', path = ''] = call.split(' ');
      return planned.includes(call) || isKnown(method, path);
    });
    expect(unknown).toEqual([]);
  });

  it('that are planned do not exist yet', () => {
    for (const call of planned) {
      const [method = '', path = ''] = call.split(' ');
      expect({ call, exists: isKnown(method, path) }).toEqual({ call, exists: false });
    }
  });

  it('fit in every curl example', () => {
    const calls = blocks('sh').flatMap(({ where, text }) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('curl '))
        .map((line) => {
          const method = /-X (\w+)/.exec(line)?.[1] ?? (/ -d /.test(line) ? 'POST' : 'GET');
          const path = /\$TENURE(\/[\w/$-]*)/.exec(line)?.[1] ?? '';
          return { where, name: `${method} ${path}` };
        }),
    );
    expect(calls.length).toBeGreaterThan(10);
    expect(wrong(calls, (call) => isKnown(...splitCall(call)))).toEqual([]);
  });

  it('carry JSON that parses', () => {
    const bodies = blocks('sh').flatMap(({ where, text }) =>
      [...text.matchAll(/ -d '([^']*)'/g)].map((match) => ({ where, name: match[1] ?? '' })),
    );
    expect(bodies.length).toBeGreaterThan(5);
    expect(wrong(bodies, (body) => typeof JSON.parse(body) === 'object')).toEqual([]);
  });
});

function splitCall(call: string): [method: string, path: string] {
  const [method = '', path = ''] = call.split(' ');
  return [method, path];
}

describe('YAML examples', () => {
  it('are host files, or parts of one, without a mistake', () => {
    const examples = blocks('yaml');
    expect(examples.length).toBeGreaterThan(3);
    for (const { where, text } of examples) {
      const whole = /^version:/m.test(text) ? text : `version: 1\ndatabase: acme\n${text}`;
      expect(() => parseHostFile(whole, where)).not.toThrow();
    }
  });
});

describe('the words of the code', () => {
  /** The cells of a table's first column, without backticks. */
  function firstColumn(path: string, heading: string): string[] {
    const table = read(path).split(`\n| ${heading} `)[1]?.split('\n\n')[0] ?? '';
    return [...table.matchAll(/^\| `([\w.]+)`/gm)].map((match) => match[1] ?? '');
  }

  it('stand in the tables of phases, all of them and in order', () => {
    expect(firstColumn('README.md', 'phase')).toEqual([...phases]);
    expect(firstColumn('docs/how-it-works.md', 'phase')).toEqual([...phases]);
  });

  it('stand in the table of notifications, all of them and in order', () => {
    expect(firstColumn('docs/notifications.md', 'type')).toEqual([...notificationTypes]);
  });

  it('stand in the table of what blocks an erasure', () => {
    const table = firstColumn('docs/administrators.md', '`blockedBy.code`');
    expect(table.toSorted()).toEqual([...blockerCodes].toSorted());
  });

  it('are explained where somebody has no access', () => {
    const text = read('docs/operating.md');
    const closed = accessReasons.filter((reason) => reason !== 'open');
    expect(closed.filter((reason) => !text.includes(`\`${reason}\``))).toEqual([]);
  });

  it('name every command by HTTP and by Temporal', () => {
    const text = read('docs/administrators.md');
    for (const name of commandNames) {
      const path = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      expect(text).toContain(`/${path}"`);
      expect(text).toContain(`\`${name}\``);
    }
  });

  it('name every refusal that an admin may meet', () => {
    const text = pages.map((page) => page.text).join('\n');
    expect(refusalCodes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });
});

describe('the README', () => {
  it('fits on a few screens', () => {
    const { length } = read('README.md').split('\n');
    expect(length).toBeGreaterThanOrEqual(150);
    expect(length).toBeLessThanOrEqual(260);
  });

  it('has both commands on its first screens', () => {
    const top = read('README.md').split('\n').slice(0, 65).join('\n');
    expect(top).toContain('npm ci && npm start');
    expect(top).toContain('npm ci && npm test');
  });
});
