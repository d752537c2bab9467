import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Client } from '@temporalio/client';
import type { Db } from 'mongodb';

/** A place that was searched, as bytes in latin1: each byte is one character, so that nothing is lost. */
export interface Place {
  name: string;
  text: string;
}

/** What was found where, never the value itself. */
export interface Hit {
  place: string;
  canary: string;
  form: string;
}

/** A distinctive value, by a name that may be shown. */
export type Canaries = Record<string, string>;

/** The ways in which a value may have been written down, as bytes in latin1. */
export function formsOf(value: string): Map<string, string> {
  const forms = new Map<string, string>();
  const spellings = new Set<string>();
  for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const) {
    const normalized = value.normalize(form);
    for (const text of [normalized, normalized.toLowerCase(), normalized.toUpperCase()]) {
      spellings.add(text);
    }
  }
  spellings.add(value);
  let number = 0;
  for (const text of spellings) {
    number += 1;
    for (const [name, form] of encodings(text)) forms.set(`${name} ${number}`, form);
  }
  return forms;
}

function encodings(text: string): [string, string][] {
  const bytes = Buffer.from(text, 'utf8');
  const digest = (algorithm: string): Buffer => createHash(algorithm).update(bytes).digest();
  const escaped = Array.from(text)
    .map((letter) =>
      letter.charCodeAt(0) < 128
        ? letter
        : [...Array(letter.length).keys()]
            .map((at) => `\\u${letter.charCodeAt(at).toString(16).padStart(4, '0')}`)
            .join(''),
    )
    .join('');
  return [
    ['raw', bytes.toString('latin1')],
    ['json', Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1')],
    ['json escapes', escaped],
    ['url', encodeURIComponent(text)],
    ['form', encodeURIComponent(text).replaceAll('%20', '+')],
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
    ...base64Forms(bytes),
    ...['sha256', 'sha1', 'md5', 'sha512'].flatMap((algorithm): [string, string][] => [
      [`${algorithm} hex`, digest(algorithm).toString('hex')],
      [`${algorithm} base64`, digest(algorithm).toString('base64')],
      [`${algorithm} base64url`, digest(algorithm).toString('base64url')],
      [`${algorithm} bytes`, digest(algorithm).toString('latin1')],
    ]),
  ];
}

/** Inside a longer text a value begins at any of three positions of a base64 group: its certain middle is searched. */
function base64Forms(bytes: Buffer): [string, string][] {
  return [0, 1, 2].flatMap((offset): [string, string][] => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const first = offset === 0 ? 0 : 4;
    const last = Math.floor(padded.length / 3) * 4;
    return [
      [`base64 +${offset}`, padded.toString('base64').slice(first, last)],
      [`base64url +${offset}`, padded.toString('base64url').slice(first, last)],
    ];
  });
}

/** Searches places for every form of every canary. One hit a place and canary. */
export function scan(canaries: Canaries, places: Place[]): Hit[] {
  const searched = Object.entries(canaries).map(([canary, value]) => ({
    canary,
    forms: [...formsOf(value)].filter(([, form]) => form.length >= 6),
  }));
  const hits: Hit[] = [];
  for (const { name, text } of places) {
    for (const { canary, forms } of searched) {
      const found = forms.find(([, form]) => text.includes(form));
      if (found !== undefined) hits.push({ place: name, canary, form: found[0] });
    }
  }
  return hits;
}

/** Every document of every collection, as raw BSON. */
export async function databasePlaces(db: Db, label: string): Promise<Place[]> {
  const places: Place[] = [];
  for (const { name } of await db.listCollections({ type: 'collection' }).toArray()) {
    // With `raw` the driver hands the bytes of each document out as they are stored.
    const documents: unknown[] = await db.collection(name).find({}, { raw: true }).toArray();
    const text = documents
      .map((document) => (Buffer.isBuffer(document) ? document.toString('latin1') : ''))
      .join('\n');
    places.push({ name: `${label}.${name}`, text });
  }
  return places;
}

/** Files of a directory, its subdirectories included, byte for byte. */
export async function filePlaces(directory: string, names: RegExp): Promise<Place[]> {
  const files = await readdir(directory, { recursive: true });
  return Promise.all(
    files
      .filter((name) => names.test(name))
      .map(async (name) => ({
        name,
        text: (await readFile(join(directory, name))).toString('latin1'),
      })),
  );
}

/** Everything that Temporal tells of every run: histories with decoded payloads, memos, search attributes. */
export async function temporalPlaces(client: Client): Promise<Place[]> {
  const places: Place[] = [];
  for await (const run of client.workflow.list()) {
    const handle = client.workflow.getHandle(run.workflowId, run.runId);
    const told = [await handle.fetchHistory(), (await handle.describe()).raw, run.raw, run.memo];
    places.push({
      name: `temporal ${run.workflowId} ${run.runId}`,
      text: told.flatMap((part) => textsIn(part)).join('\n'),
    });
  }
  return places;
}

/** Every string and every byte array inside a value, and the whole as JSON. */
function textsIn(root: unknown): string[] {
  const texts: string[] = [];
  const seen = new Set<unknown>();
  const waiting = [root];
  for (
    let value = waiting.pop();
    value !== undefined || waiting.length > 0;
    value = waiting.pop()
  ) {
    if (typeof value === 'string') texts.push(Buffer.from(value).toString('latin1'));
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Uint8Array) texts.push(Buffer.from(value).toString('latin1'));
    else for (const [key, part] of Object.entries(value)) waiting.push(key, part);
  }
  return texts;
}
