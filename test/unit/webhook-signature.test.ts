import { createHmac } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import { WorkOS } from '@workos-inc/node';

import { verifySignature } from '../../api/webhooks/verify-signature.ts';

const secret = 'a-secret-that-only-two-know';
const now = 1_790_000_000_000;
const body = Buffer.from('{"id":"event_1","event":"dsync.user.created","data":{"name":"Zoë"}}');

function hex(of: Uint8Array = body, at: number | string = now, by = secret): string {
  return createHmac('sha256', by).update(`${at}.`).update(of).digest('hex');
}

function check(header: string | undefined, parts: { body?: Uint8Array; secrets?: string[] } = {}) {
  return verifySignature({ header, body, secrets: [secret], nowMs: now, ...parts });
}

const valid = { valid: true };
const refused = (fault: string): object => expect.objectContaining({ valid: false, fault });

describe('the verifier of webhook signatures', () => {
  it('accepts what was signed now', () => {
    expect(check(`t=${now},v1=${hex()}`)).toEqual(valid);
  });

  it('accepts the spelling of WorkOS, with a blank after the comma', () => {
    expect(check(`t=${now}, v1=${hex()}`)).toEqual(valid);
  });

  it('accepts the two fields in either order, since it reads them by name', () => {
    expect(check(`v1=${hex()},t=${now}`)).toEqual(valid);
  });

  it('refuses a signature from the future: a year, and just over five minutes', () => {
    for (const ahead of [365 * 86_400_000, 300_001]) {
      const at = now + ahead;
      expect(check(`t=${at},v1=${hex(body, at)}`)).toEqual({
        valid: false,
        fault: 'future',
        skewMs: -ahead,
      });
    }
  });

  it('refuses a signature that is older than five minutes', () => {
    const at = now - 300_001;
    expect(check(`t=${at},v1=${hex(body, at)}`)).toEqual({
      valid: false,
      fault: 'stale',
      skewMs: 300_001,
    });
  });

  it('accepts five minutes both ways', () => {
    for (const at of [now - 300_000, now + 300_000]) {
      expect(check(`t=${at},v1=${hex(body, at)}`)).toEqual(valid);
    }
  });

  it('tells that a time is stale only of what is really signed', () => {
    const at = now - 86_400_000;
    expect(check(`t=${at},v1=${hex(body, now)}`)).toEqual(refused('mismatch'));
  });

  it.each([
    'abc',
    '',
    '1790000000',
    '17900000000000',
    '1790000000000.0',
    '+179000000000',
    '0x17900000000',
    '１７９００００００００００',
  ])('refuses the time %j, though it is signed', (at) => {
    expect(check(`t=${at},v1=${hex(body, at)}`)).toEqual(refused('malformed'));
  });

  it('refuses other names than t and v1', () => {
    expect(check(`x=${now},y=${hex()}`)).toEqual(refused('malformed'));
    expect(check(`t=${now},v1=${hex()},v2=${hex()}`)).toEqual(refused('malformed'));
    expect(check(`T=${now},V1=${hex()}`)).toEqual(refused('malformed'));
  });

  it('refuses two times, no time and no signature', () => {
    expect(check(`t=${now},t=${now},v1=${hex()}`)).toEqual(refused('malformed'));
    expect(check(`v1=${hex()}`)).toEqual(refused('malformed'));
    expect(check(`t=${now}`)).toEqual(refused('malformed'));
  });

  it('accepts the right signature after a wrong one, as during rotation', () => {
    const wrong = hex(body, now, 'another');
    expect(check(`t=${now},v1=${wrong},v1=${hex()}`)).toEqual(valid);
    expect(check(`t=${now},v1=${hex()},v1=${wrong}`)).toEqual(valid);
  });

  it('accepts five signatures and refuses six', () => {
    const wrong = `v1=${hex(body, now, 'another')}`;
    const four = [wrong, wrong, wrong, wrong].join(',');
    expect(check(`t=${now},${four},v1=${hex()}`)).toEqual(valid);
    expect(check(`t=${now},${four},${wrong},v1=${hex()}`)).toEqual(refused('malformed'));
  });

  it('accepts each of several secrets, and none where there is none', () => {
    const secrets = ['new', secret, 'old'];
    for (const by of secrets) {
      expect(check(`t=${now},v1=${hex(body, now, by)}`, { secrets })).toEqual(valid);
    }
    expect(check(`t=${now},v1=${hex()}`, { secrets: [] })).toEqual(refused('mismatch'));
  });

  it('refuses upper case, short and long signatures', () => {
    expect(check(`t=${now},v1=${hex().toUpperCase()}`)).toEqual(refused('malformed'));
    expect(check(`t=${now},v1=${hex().slice(2)}`)).toEqual(refused('malformed'));
    expect(check(`t=${now},v1=${hex()}00`)).toEqual(refused('malformed'));
    expect(check(`t=${now},v1=`)).toEqual(refused('malformed'));
  });

  it('refuses a body whose bytes were changed where decoded text would be the same', () => {
    const signed = Buffer.from('{"id":"event_1","event":"x","name":"\ufffd"}');
    const at = signed.indexOf(Buffer.from('\ufffd'));
    const sent = Buffer.concat([signed.subarray(0, at), Buffer.of(0xff), signed.subarray(at + 3)]);
    expect(sent.toString('utf8')).toBe(signed.toString('utf8'));
    const header = `t=${now},v1=${hex(signed)}`;
    expect(check(header, { body: signed })).toEqual(valid);
    expect(check(header, { body: sent })).toEqual(refused('mismatch'));
  });

  it('refuses one changed bit anywhere in the body', () => {
    const header = `t=${now},v1=${hex()}`;
    for (let at = 0; at < body.length; at += 1) {
      const sent = Buffer.from(body);
      sent.writeUInt8(sent.readUInt8(at) ^ 1, at);
      expect(check(header, { body: sent })).toEqual(refused('mismatch'));
    }
  });

  it('tells a missing header from a malformed one', () => {
    expect(check(undefined)).toEqual(refused('missing'));
    expect(check('')).toEqual(refused('missing'));
    expect(check(' ')).toEqual(refused('malformed'));
  });

  it('refuses a header of any length in no time', () => {
    const began = performance.now();
    expect(check(`t=${now},${'v1='.repeat(100_000)}`)).toEqual(refused('malformed'));
    expect(check(`${' '.repeat(100_000)}t=${now}`)).toEqual(refused('malformed'));
    expect(performance.now() - began).toBeLessThan(50);
  });

  it('agrees with the SDK on what WorkOS signs', async () => {
    const { webhooks } = new WorkOS('sk_test');
    const signed = await webhooks.computeSignature(now, body.toString('utf8'), secret);
    expect(check(`t=${now}, v1=${signed}`)).toEqual(valid);
    const at = Date.now();
    const payload = body.toString('utf8');
    const sigHeader = `t=${at}, v1=${hex(body, at)}`;
    await expect(webhooks.verifyHeader({ payload, sigHeader, secret })).resolves.toBe(true);
  });
});
