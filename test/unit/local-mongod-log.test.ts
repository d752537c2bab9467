import { describe, expect, test } from '@jest/globals';
import { withoutDocuments } from '../../local/servers/mongod-log.ts';

function line(component: string, attr: object): string {
  return JSON.stringify({ t: 'now', s: 'W', c: component, id: 1, ctx: 'x', msg: 'said', attr });
}

describe('a line of the mongod log', () => {
  test.each(['QUERY', 'COMMAND', 'WRITE', 'TXN', 'INDEX', '-', 'SOMETHING_NEW'])(
    'of %s loses its details',
    (component) => {
      const filtered = withoutDocuments(line(component, { cmd: { email: 'canary@example.com' } }));
      expect(filtered).not.toContain('canary');
      expect(JSON.parse(filtered)).toMatchObject({ c: component, msg: 'said', id: 1 });
    },
  );

  test('about the server itself stays as it is', () => {
    const text = line('REPL', { newState: 'PRIMARY' });
    expect(withoutDocuments(text)).toBe(text);
  });

  test('that is cut off is left out', () => {
    const text = line('QUERY', { email: 'canary@example.com' }).slice(0, -3);
    expect(withoutDocuments(text)).not.toContain('canary');
  });

  test('that is plain text stays: it says what is wrong with the arguments', () => {
    expect(withoutDocuments('Error parsing command line')).toBe('Error parsing command line');
  });
});
