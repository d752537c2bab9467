import { randomInt } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * Makes ids as WorkOS does: a prefix and a ULID (48 bits of time, 80 random bits, Crockford base 32). Within one
 * millisecond the random part counts up, so ids order as they were made: paging and event order rest on that.
 */
export interface IdMaker {
  /** The next id, for example `directory_user_01JC…`. */
  next(prefix: string): string;
  /** The last ULID that was made; kept in the state so that a restart goes on above it. */
  readonly last: string;
}

/** @param last the ULID to go on above, or '' */
export function createIdMaker(now: () => number, last: string): IdMaker {
  let previous = last;
  return {
    next(prefix) {
      const fresh = encodeTime(now()) + randomPart();
      previous = fresh.slice(0, 10) > previous.slice(0, 10) ? fresh : increment(previous);
      return `${prefix}_${previous}`;
    },
    get last() {
      return previous;
    },
  };
}

function encodeTime(milliseconds: number): string {
  let rest = milliseconds;
  let text = '';
  for (let index = 0; index < 10; index += 1) {
    text = alphabet.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** The first digit stays low, so that counting up within a millisecond cannot overflow into the time. */
function randomPart(): string {
  let text = alphabet.charAt(randomInt(16));
  for (let index = 1; index < 16; index += 1) text += alphabet.charAt(randomInt(32));
  return text;
}

function increment(ulid: string): string {
  const last = ulid.charAt(ulid.length - 1);
  const head = ulid.slice(0, -1);
  if (last === 'Z') return `${increment(head)}0`;
  return head + alphabet.charAt(alphabet.indexOf(last) + 1);
}
