import { describe, expect, it } from '@jest/globals';

import { byPrecedence, type DirectoryRank } from '../../domain/directory-user.ts';
import { mergedProfile, type UserProfile } from '../../domain/profile.ts';

const a: DirectoryRank = { directoryId: 'directory_a', type: 'okta scim v2.0' };
const b: DirectoryRank = { directoryId: 'directory_b', type: 'bamboohr' };
const c: DirectoryRank = { directoryId: 'directory_c', type: null };

function ordered(authority: 'any' | string[], order: string[], ranks = [c, b, a]): string {
  return ranks
    .toSorted(byPrecedence(authority, order))
    .map(({ directoryId }) => directoryId.at(-1))
    .join('');
}

describe('the order of directories', () => {
  it('is by directory id where nobody says otherwise, whichever was heard first', () => {
    for (const ranks of [
      [a, b, c],
      [c, b, a],
      [b, c, a],
    ]) {
      expect(ordered('any', [], ranks)).toBe('abc');
    }
  });

  it('is that of the policy’s list first, then that of the host file, by id or by type', () => {
    expect(ordered('any', ['bamboohr'])).toBe('bac');
    expect(ordered('any', ['directory_c', 'bamboohr'])).toBe('cba');
    expect(ordered(['directory_c', 'directory_a'], ['bamboohr'])).toBe('cab');
    expect(ordered([], ['directory_c'])).toBe('cab');
  });

  it('is the same for two of one rank', () => {
    expect(byPrecedence('any', [])(a, { ...a })).toBe(0);
  });
});

describe('the profile of several directories', () => {
  const nobody: UserProfile = {
    email: null,
    username: null,
    firstName: null,
    lastName: null,
    displayName: null,
  };

  it('is the first one’s, and what that leaves empty is taken from the next', () => {
    const first = { ...nobody, email: 'ada@x.example', displayName: 'Ada' };
    const second = { ...nobody, email: 'other@x.example', username: 'ada', lastName: 'Lovelace' };
    expect(mergedProfile([first, second])).toEqual({
      email: 'ada@x.example',
      username: 'ada',
      firstName: null,
      lastName: 'Lovelace',
      displayName: 'Ada',
    });
    expect(mergedProfile([first])).toEqual(first);
    expect(mergedProfile([])).toBeNull();
  });
});
