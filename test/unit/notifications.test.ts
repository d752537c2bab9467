import { describe, expect, it } from '@jest/globals';

import type { Membership } from '../../domain/membership.ts';
import { nextStep } from '../../domain/next-step.ts';
import {
  notificationsOf,
  notificationTypes,
  pauseAfter,
  triedForMs,
  type NotificationData,
} from '../../domain/notifications.ts';
import { ConfigError } from '../../platform/config.ts';
import { parseHostFile } from '../../platform/host-file/parse.ts';
import { secretsOfEndpoints } from '../../platform/outgoing/notifier.ts';
import { readSecrets } from '../../platform/outgoing/secrets.ts';
import { LifecycleWorld } from '../support/lifecycle-world.ts';
import { newSecret } from '../support/receiver.ts';

const dueAt = new Date(Date.UTC(2026, 5, 1));

/** Somebody who is in and whom the host application knows. */
function settled(changes: Partial<Membership> = {}): Membership {
  return {
    ...new LifecycleWorld(nextStep, []).membership,
    access: { state: 'open', reason: 'open' },
    projection: { wanted: 3, done: 3 },
    roles: [{ role: 'editor', source: 'directory' }],
    ...changes,
  };
}

function leaver(changes: Partial<Membership> = {}): Membership {
  return settled({
    backed: false,
    generation: 1,
    access: { state: 'closed', reason: 'notBacked' },
    status: 'disabled',
    roles: [],
    dueAt,
    ...changes,
  });
}

const passed = { generation: 1, state: 'passed', id: null } as const;

function told(
  before: Membership,
  after: Membership,
  ...lines: [type: string, detail?: NotificationData][]
): [string, NotificationData][] {
  return notificationsOf(
    before,
    after,
    lines.map(([type, detail]) => ({ type, detail: detail ?? {} })),
  ).map(({ type, data }) => [type, data]);
}

describe('what a change tells the host application', () => {
  it('is nothing where nothing changed that it is told of', () => {
    expect(told(settled(), settled({ revision: 9, wanted: settled().wanted }))).toEqual([]);
  });

  it('is that access closed, with its reason, and not also the lost roles and the status', () => {
    const after = leaver({ projection: { wanted: 4, done: 3 } });
    expect(told(settled(), after, ['left'])).toEqual([
      ['access.closed', { reason: 'notBacked', status: 'disabled' }],
    ]);
  });

  it('is nothing where access that was closed closes for another reason', () => {
    const suspended = settled({ access: { state: 'closed', reason: 'suspended' } });
    expect(told(suspended, leaver({ guard: null }))).toEqual([]);
  });

  it('is that the deletion is scheduled once the leaving was counted, and not before', () => {
    expect(told(leaver({ guard: null }), leaver({ guard: passed }))).toEqual([
      ['deletion.scheduled', { dueAt: dueAt.toISOString(), generation: 1 }],
    ]);
    const waits = { generation: 1, state: 'waits', id: 'guard_a' } as const;
    expect(told(leaver({ guard: null }), leaver({ guard: waits }))).toEqual([]);
    expect(
      told(leaver({ guard: waits }), leaver({ guard: { ...waits, state: 'approved' } })),
    ).toEqual([['deletion.scheduled', { dueAt: dueAt.toISOString(), generation: 1 }]]);
  });

  it('is the new due time where it is put off', () => {
    const later = new Date(dueAt.getTime() + 1);
    expect(told(leaver({ guard: passed }), leaver({ guard: passed, dueAt: later }))).toEqual([
      ['deletion.scheduled', { dueAt: later.toISOString(), generation: 1 }],
    ]);
  });

  it.each([
    ['returned', { backed: true, guard: null, dueAt: null }],
    [
      'cancelled',
      { retained: { generation: 1, by: 'admin:ada', at: dueAt, reasonId: null }, guard: passed },
    ],
    ['guard', { guard: { generation: 1, state: 'waits', id: 'guard_a' } }],
  ] as [string, Partial<Membership>][])(
    'is that the deletion is cancelled, because: %s',
    (reason, changes) => {
      expect(told(leaver({ guard: passed }), leaver(changes))).toEqual([
        ['deletion.cancelled', { reason, generation: 1 }],
      ]);
    },
  );

  it('is no cancelled deletion where the erasure begins', () => {
    const erasure: Membership['erasure'] = {
      committedAt: dueAt,
      pseudonym: 'former-user',
      wholeUser: true,
      completedAt: null,
      counts: {},
    };
    expect(told(leaver({ guard: passed }), leaver({ guard: passed, erasure }))).toEqual([]);
    const done = leaver({ guard: passed, erasure, outcome: 'anonymized' });
    expect(told(leaver({ guard: passed, erasure }), done, ['anonymized', {}])).toEqual([
      ['user.anonymized', { outcome: 'anonymized', wholeUser: true }],
    ]);
  });

  it('is that access opened, before anything else is said of it', () => {
    const opening = settled({ access: { state: 'closed', reason: 'opening' }, roles: [] });
    expect(told(opening, settled(), ['opened'])).toEqual([
      ['access.opened', { reason: 'open', status: 'active' }],
    ]);
  });

  it('is that the roles changed where their names did, and not where only their source did', () => {
    const both = settled({
      roles: [
        { role: 'editor', source: 'manual' },
        { role: 'editor', source: 'directory' },
      ],
    });
    expect(told(settled(), both)).toEqual([]);
    expect(told(settled(), settled({ permissions: ['read'] }))).toEqual([['roles.changed', {}]]);
  });

  it('is that the user changed, once the host application knows them', () => {
    const changed = settled({ projection: { wanted: 4, done: 3 }, status: 'suspended' });
    expect(told(settled(), changed)).toEqual([
      ['user.updated', { access: 'open', status: 'suspended' }],
    ]);
    const unknown = settled({ projection: { wanted: 1, done: 0 } });
    expect(told(unknown, settled({ projection: { wanted: 2, done: 0 } }))).toEqual([]);
    expect(told(unknown, settled({ projection: { wanted: 2, done: 2 } }), ['provisioned'])).toEqual(
      [['user.provisioned', { access: 'open', status: 'active' }]],
    );
  });

  it('is what the timeline says of revocation, ownership and the coming deletion', () => {
    const revoked = leaver({ closings: 2, revokedClosings: 2 });
    expect(told(leaver({ closings: 2, revokedClosings: 1 }), revoked)).toEqual([
      ['sessions.revoked', { closing: 2 }],
    ]);
    const same = leaver({ guard: passed, closings: 2 });
    expect(
      told(
        same,
        same,
        ['deletionDueSoon', { dueAt: dueAt.toISOString() }],
        ['ownershipTransferred', { time: 'onDeprovision', moved: 3 }],
        ['ownershipTransferred', { time: 'onDeprovision', moved: 0 }],
        ['revocationOverdue', { kinds: 'app' }],
      ),
    ).toEqual([
      ['revocation.overdue', { closing: 2, kinds: 'app' }],
      ['ownership.transferred', { moved: 3 }],
      ['deletion.due_soon', { dueAt: dueAt.toISOString(), generation: 1 }],
    ]);
  });

  it('is about somebody who joined while Tenure only observed, once it is live', () => {
    expect(told(settled(), settled(), ['wentLive'])).toEqual([
      ['user.provisioned', { access: 'open', status: 'active' }],
    ]);
  });
});

describe('the pause between two tries', () => {
  it('grows from five seconds to an hour, and leaves many tries within three days', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((tries) => pauseAfter(tries, null) / 1000);
    expect(pauses).toEqual([5, 15, 45, 135, 405, 1215, 3600, 3600, 3600]);
    expect(triedForMs / 3_600_000).toBe(72);
  });

  it('is what the other side asks for, up to an hour', () => {
    expect(pauseAfter(1, 90_000)).toBe(90_000);
    expect(pauseAfter(5, 1_000)).toBe(405_000);
    expect(pauseAfter(1, 86_400_000)).toBe(3_600_000);
  });
});

function mistakesOf(text: string): string[] {
  try {
    parseHostFile(text, 'f');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => {
      const place = variable.replace(/^f:(\d+):\d+/, 'line $1:');
      return `${place}: ${problem}`;
    });
  }
  return [];
}

function endpointFile(...entries: string[]): string {
  return ['version: 1', 'notifications:', ...entries.map((entry) => `  - { ${entry} }`), ''].join(
    '\n',
  );
}

describe('the endpoints of the host file', () => {
  it('are told everything where they do not choose', () => {
    const { file } = parseHostFile(
      endpointFile(
        'id: app, url: "https://app.example.com/tenure", secretEnv: APP_SECRET',
        'id: crm, url: "http://10.0.0.7/t?x=1", secretEnv: CRM, allowPrivate: true, events: [user.anonymized, access.closed]',
        'id: log, url: "https://log.example.com", secretEnv: LOG, events: ["*"]',
      ),
      'f',
    );
    expect(file.notifications).toMatchObject([
      { id: 'app', events: [...notificationTypes], allowPrivate: false },
      { id: 'crm', events: ['access.closed', 'user.anonymized'], allowPrivate: true },
      { id: 'log', events: [...notificationTypes] },
    ]);
  });

  it.each([
    [['url: "https://x.example", secretEnv: S'], 'line 3: notifications[0].id: is missing'],
    [['id: a, url: "https://x.example"'], 'line 3: notifications[0].secretEnv: is missing'],
    [
      ['id: a, url: "http://x.example", secretEnv: S'],
      'line 3: notifications[0].url: is not https; what is told would travel in plain (http needs allowPrivate: true)',
    ],
    [
      ['id: a, url: "ftp://x.example", secretEnv: S'],
      'line 3: notifications[0].url: expected an https URL',
    ],
    [
      ['id: a, url: "https://u:p@x.example", secretEnv: S'],
      'line 3: notifications[0].url: holds a user, a password or a fragment; expected none of them',
    ],
    [
      ['id: a, url: "https://x.example", secretEnv: "whsec_x=="'],
      'line 3: notifications[0].secretEnv: expected the name of an environment variable',
    ],
    [
      ['id: a, url: "https://x.example", secretEnv: S, events: [access.shut]'],
      `line 3: notifications[0].events[0]: expected "*" or some of ${notificationTypes.join(', ')}`,
    ],
    [
      ['id: a, url: "https://x.example", secretEnv: S, events: []'],
      'line 3: notifications[0].events: expected at least one event, or "*"',
    ],
    [
      [
        'id: a, url: "https://x.example", secretEnv: S',
        'id: a, url: "https://y.example", secretEnv: S',
      ],
      'line 4: notifications[1].id: the id "a" is there twice',
    ],
    [
      ['id: a, url: "https://x.example", secretEnv: S, secret: whsec_abc'],
      'line 3: notifications[0].secret: is not known. Did you mean secretEnv?',
    ],
  ])('are refused with the line of the mistake: %j', (entries, mistake) => {
    expect(mistakesOf(endpointFile(...entries))).toEqual([mistake]);
  });
});

describe('the secrets of the endpoints', () => {
  const { notifications } = parseHostFile(
    endpointFile('id: app, url: "https://app.example.com", secretEnv: APP_SECRET'),
    'f',
  ).file;
  const wanted = secretsOfEndpoints(notifications);

  it('are read from the environment, several during a rotation', () => {
    const [old, next] = [newSecret(), newSecret()];
    const secrets = readSecrets({ APP_SECRET: ` ${old}, ${next}` }, wanted);
    expect(secrets.get('APP_SECRET')).toEqual([old, next]);
  });

  it('stop the start where they are missing, with the name of the endpoint', () => {
    expect(() => readSecrets({}, wanted)).toThrow(
      'APP_SECRET: is not set; the host file names it for the notifications of app',
    );
  });
});
