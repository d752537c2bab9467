import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';

import { parseArguments } from '../../local/simulator/cli-arguments.ts';
import { createIdMaker } from '../../local/simulator/ids.ts';
import { createLanes } from '../../local/simulator/lanes.ts';
import { pageOf } from '../../local/simulator/paging.ts';
import type { Page } from '../../local/simulator/paging.ts';

describe('ids', () => {
  it('order as they were made, also within a millisecond, after a restart and with a clock that goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2 }), (steps) => {
        let now = 1_790_000_000_000;
        let maker = createIdMaker(() => now, '');
        const ids = steps.map((step) => {
          now += step;
          if (step === 5) maker = createIdMaker(() => now, maker.last);
          return maker.next('event');
        });
        expect(ids).toEqual(ids.toSorted());
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it('look like those of WorkOS', () => {
    const id = createIdMaker(() => Date.parse('2026-11-22T00:00:00Z'), '').next('directory_user');
    expect(id).toMatch(/^directory_user_01[0-9A-HJKMNP-TV-Z]{24}$/);
  });
});

describe('paging', () => {
  const items = Array.from({ length: 25 }, (_, index) => ({
    id: `x_${String(index).padStart(2, '0')}`,
  }));
  const present = ({ id }: { id: string }): Record<string, unknown> => ({ id });
  const ids = (query: Record<string, string>): unknown[] =>
    pageOf(items, query, present).data.map(({ id }) => id);

  it('gives the ten newest first, and says where to go on', () => {
    const page = pageOf(items, {}, present);
    expect(page.data[0]).toEqual({ id: 'x_24' });
    expect(page.list_metadata).toEqual({ before: null, after: 'x_15' });
  });

  it.each([
    [{ after: 'x_15', limit: '3' }, ['x_14', 'x_13', 'x_12']],
    [{ before: 'x_14', limit: '3' }, ['x_17', 'x_16', 'x_15']],
    [{ after: 'x_02', limit: '3' }, ['x_01', 'x_00']],
    [{ order: 'asc', after: 'x_22' }, ['x_23', 'x_24']],
    [{ order: 'asc', before: 'x_02' }, ['x_00', 'x_01']],
    [{ after: 'x_14a', limit: '1' }, ['x_14']],
  ])('understands %j', (query, expected) => {
    expect(ids(query)).toEqual(expected);
  });

  it.each([{ limit: '0' }, { limit: '101' }, { limit: 'ten' }, { order: 'up' }])(
    'refuses %j',
    (query) => {
      expect(() => ids(query)).toThrow(expect.objectContaining({ status: 422 }));
    },
  );

  it('gives every item exactly once, whatever the page size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('asc', 'desc'),
        (limit, order) => {
          const seen: unknown[] = [];
          let after: string | null = '';
          while (after !== null) {
            const query: Record<string, string> = {
              limit: String(limit),
              order,
              ...(after === '' ? {} : { after }),
            };
            const page: Page = pageOf(items, query, present);
            seen.push(...page.data.map(({ id }) => id));
            after = page.list_metadata.after;
          }
          const all = items.map(({ id }) => id);
          expect(seen).toEqual(order === 'asc' ? all : all.toReversed());
        },
      ),
    );
  });
});

describe('lanes', () => {
  it('keep the order within a lane and the bound over all', async () => {
    const lanes = createLanes(2);
    const order: string[] = [];
    let working = 0;
    let most = 0;
    const work = (name: string) => async () => {
      working += 1;
      most = Math.max(most, working);
      await new Promise((resolve) => setTimeout(resolve, name.endsWith('1') ? 10 : 1));
      working -= 1;
      order.push(name);
    };
    const names = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'];
    await Promise.all(names.map((name) => lanes.run(name.charAt(0), work(name))));
    expect(most).toBe(2);
    for (const lane of ['a', 'b', 'c']) {
      expect(order.filter((name) => name.startsWith(lane))).toEqual([`${lane}1`, `${lane}2`]);
    }
  });
});

describe('the command line', () => {
  it.each([
    [
      'join --directory okta --email a@b.test --name Ada --manager m@b.test --group Staff --attribute floor=3',
      {
        directory: 'okta',
        email: 'a@b.test',
        name: 'Ada',
        managerEmail: 'm@b.test',
        groups: ['Staff'],
        customAttributes: { floor: '3' },
      },
      '/simulator/join',
    ],
    ['leave ada --edges after', { person: 'ada', edges: 'after' }, '/simulator/leave'],
    [
      'update ada --email x@y.test --attribute floor=',
      { person: 'ada', email: 'x@y.test', customAttributes: { floor: null } },
      '/simulator/update',
    ],
    [
      'update ada --role admin --role viewer',
      { person: 'ada', roles: ['admin', 'viewer'] },
      '/simulator/update',
    ],
    ['update ada --role=', { person: 'ada', roles: [] }, '/simulator/update'],
    ['add-to-group ada Staff', { person: 'ada', group: 'Staff' }, '/simulator/add-to-group'],
    ['delete-directory okta', { directory: 'okta' }, '/simulator/delete-directory'],
    [
      'move-directory okta --organization globex',
      { directory: 'okta', organization: 'globex' },
      '/simulator/move-directory',
    ],
    ['delete-organization acme', { organization: 'acme' }, '/simulator/delete-organization'],
    [
      'fault duplicate on --times 2',
      { kind: 'duplicate', on: true, times: 2 },
      '/simulator/faults/delivery',
    ],
    ['scenario tenure', { name: 'tenure' }, '/simulator/scenario'],
  ])('turns "%s" into a request', (line, body, path) => {
    expect(parseArguments(line.split(' '))).toEqual({ method: 'POST', path, body });
  });

  it.each([
    ['jion', /no command jion/],
    ['leave', /leave needs a person/],
    ['leave ada bo', /leave cannot use bo/],
    ['join --email a@b.test', /--directory/],
    ['leave ada --colour red', /colour/],
    ['fault delay on --ms soon', /--ms takes a number/],
  ])('refuses "%s" and says why', (line, message) => {
    expect(() => parseArguments(line.split(' '))).toThrow(message);
  });

  it('helps where nothing is asked', () => {
    expect(parseArguments([])).toBeUndefined();
  });
});
