import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { mongodbSessions } from '../../domain/host-file.ts';
import { demoOrganizations } from '../../local/demo/people.ts';
import { hostDataPerPerson } from '../../local/demo/seed-host-data.ts';
import { parseHostFile } from '../../platform/host-file/parse.ts';

const path = join(import.meta.dirname, '../../local/demo/acme.yaml');

describe('the host file of the demo', () => {
  const { file, warnings } = parseHostFile(readFileSync(path, 'utf8'), 'acme.yaml');

  it('is valid, without a warning', () => {
    expect(warnings).toEqual([]);
    expect(file.defaults.policy.deletionAllowed).toBe(true);
  });

  it('covers every collection that the demo fills', () => {
    const covered = [...mongodbSessions(file), ...file.resources, ...file.personalData].map(
      ({ collection }) => collection,
    );
    expect(covered.toSorted()).toEqual(Object.keys(hostDataPerPerson).toSorted());
  });
});

describe('the people of the demo', () => {
  const directories = demoOrganizations.flatMap((organization) => organization.directories);

  it('are some twenty in three directories of two organizations', () => {
    expect(demoOrganizations).toHaveLength(2);
    expect(directories.map(({ type }) => type)).toEqual([
      'okta scim v2.0',
      'bamboohr',
      'azure scim v2.0',
    ]);
    expect(directories.flatMap(({ people }) => Object.keys(people))).toHaveLength(21);
  });

  it('get something by every group that they are in', () => {
    for (const { groups, gives } of directories) {
      expect(Object.keys(gives).toSorted()).toEqual(groups.toSorted());
      for (const { roles } of Object.values(gives)) expect(roles.length).toBeGreaterThan(0);
    }
  });

  it('have managers and groups of their own directory', () => {
    for (const { groups, people } of directories) {
      for (const person of Object.values(people)) {
        expect([undefined, ...Object.keys(people)]).toContain(person.manager);
        expect(groups).toEqual(expect.arrayContaining(person.groups));
      }
    }
  });
});
