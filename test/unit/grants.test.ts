import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  grantsOf,
  groupsGrantAccess,
  noGrants,
  type GroupFacts,
  type RoleMapping,
} from '../../domain/grants.ts';

function mapping(directoryGroupId: string, parts: Partial<RoleMapping> = {}): RoleMapping {
  return {
    directoryGroupId,
    grantsAccess: true,
    roles: [],
    permissions: [],
    features: [],
    ...parts,
  };
}

function person(groupIds: string[], workosRoles: string[] = []): GroupFacts {
  return { groupIds, workosRoles };
}

describe('what groups give', () => {
  it('is everything of every group that somebody is in, once and sorted', () => {
    const mappings = [
      mapping('g1', { roles: ['editor', 'member'], permissions: ['write'] }),
      mapping('g2', { roles: ['member'], features: ['beta'] }),
      mapping('g3', { roles: ['admin'] }),
    ];
    expect(grantsOf([person(['g2', 'g1', 'unmapped'])], mappings)).toEqual({
      roles: ['editor', 'member'],
      permissions: ['write'],
      features: ['beta'],
    });
  });

  it('is nothing without groups, and without mappings', () => {
    expect(grantsOf([], [mapping('g1', { roles: ['admin'] })])).toEqual(noGrants);
    expect(grantsOf([person(['g1'])], [])).toEqual(noGrants);
  });

  it('comes from every directory user behind one person', () => {
    const mappings = [mapping('g1', { roles: ['editor'] }), mapping('g2', { roles: ['picker'] })];
    expect(grantsOf([person(['g1']), person(['g2'])], mappings).roles).toEqual([
      'editor',
      'picker',
    ]);
  });

  it('includes the roles that WorkOS itself assigned, without any mapping', () => {
    expect(grantsOf([person([], ['admin', 'member'])], []).roles).toEqual(['admin', 'member']);
    const mappings = [mapping('g1', { roles: ['member'] })];
    expect(grantsOf([person(['g1'], ['member'])], mappings).roles).toEqual(['member']);
  });

  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
  const mappings = fc.uniqueArray(
    fc.record({
      directoryGroupId: fc.constantFrom('g1', 'g2', 'g3'),
      grantsAccess: fc.boolean(),
      roles: names,
      permissions: names,
      features: names,
    }),
    { selector: ({ directoryGroupId }) => directoryGroupId },
  );
  const groups = fc.uniqueArray(fc.constantFrom('g1', 'g2', 'g3', 'g4'));

  it('does not depend on any order, and is never less with one group more', () => {
    fc.assert(
      fc.property(mappings, groups, names, groups, (table, held, roles, more) => {
        const given = grantsOf([person(held, roles)], table);
        expect(
          grantsOf([person(held.toReversed(), roles.toReversed())], table.toReversed()),
        ).toEqual(given);
        const wider = grantsOf([person(held, roles), person(more)], table);
        for (const kind of ['roles', 'permissions', 'features'] as const) {
          expect(wider[kind]).toEqual(expect.arrayContaining(given[kind]));
        }
      }),
    );
  });
});

describe('access by group', () => {
  const mappings = [mapping('in'), mapping('only roles', { grantsAccess: false })];

  it('is given by a mapped group that grants it, by no other one', () => {
    expect(groupsGrantAccess(['in', 'other'], mappings)).toBe(true);
    expect(groupsGrantAccess(['only roles', 'other'], mappings)).toBe(false);
    expect(groupsGrantAccess([], mappings)).toBe(false);
    expect(groupsGrantAccess(['in'], [])).toBe(false);
  });
});
