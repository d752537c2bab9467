import { isDeepStrictEqual } from 'node:util';

import {
  earlierBirth,
  isForgotten,
  type DirectoryRecord,
  type DirectoryUser,
} from '../domain/directory-user.ts';
import { judgeTelling, type Verdict } from '../domain/versions.ts';
import type { DirectoryDocument, OrganizationDocument } from '../platform/mongo/documents.ts';
import type { Transaction } from '../platform/mongo/store.ts';
import { notice } from '../transitions/notice.ts';
import { lockPeople } from '../transitions/membership/person-locks.ts';
import { settlePerson, type Settled } from '../transitions/membership/settle-person.ts';
import { wantFreshRead } from '../transitions/membership/want-fresh-read.ts';
import { signalsOf, type Applied, type IntakeRules } from './applied.ts';
import { ensureDirectory } from './apply-directory.ts';
import { findMirror } from './find-mirror.ts';
import type { UserTelling } from './telling.ts';

/**
 * Applies what an event or a listing tells of one directory user: mirror, link and membership, in the
 * caller's transaction. Access closes here where the last backing goes.
 */
export async function applyUser(
  tx: Transaction,
  telling: UserTelling,
  rules: IntakeRules,
  receivedAt: Date,
): Promise<Applied> {
  const { organization, directory } = await ensureDirectory(tx, telling, rules.file);
  const mirror = await findMirror(tx, organization._id, telling);
  const held = mirror.records.find(({ id }) => id === telling.record.id) ?? null;
  if (organization.mapped) {
    const ids = mirror.records.map(({ id }) => id);
    await lockPeople(tx, organization._id, [telling.record.id, ...ids]);
  }
  const verdict = judgeTelling(
    telling.record.version,
    held?.version ?? null,
    contentOf(telling.record, held),
  );
  const told: Told = { telling, mirror, organization, directory, verdict, rules, receivedAt };
  if (held !== null && !verdict.takes) return keep(tx, told, held);
  const firstSeen = mirror.records.length === 0;
  // WorkOS announces nobody's groups a second time, and of a forgotten person none are known any more.
  const comesBack = !firstSeen && isForgotten(mirror);
  if (comesBack) mirror.cameBack = true;
  const readAfresh = verdict.doubtful || comesBack;
  mirror.records = [
    ...mirror.records.filter(({ id }) => id !== telling.record.id),
    {
      ...telling.record,
      bornAtMs: earlierBirth(telling.record.bornAtMs, held?.bornAtMs ?? null),
      groupsFloor: held?.groupsFloor ?? null,
    },
  ];
  const settled = await settle(tx, told, { firstSeen, readAfresh });
  if (settled.nobody && telling.record.state === 'deleted') {
    // A line for investigation: a removal never creates.
    await notice(tx, 'unknownRemoval', {
      organizationId: mirror.organizationId,
      directoryId: mirror.directoryId,
      subjectId: telling.record.id,
    });
  }
  return { organizationId: organization._id, outcome: 'applied', ...signalsOf(settled) };
}

/** What was told, by whom, and how it stands to what is held. */
interface Told {
  telling: UserTelling;
  mirror: DirectoryUser;
  organization: OrganizationDocument;
  directory: DirectoryDocument;
  verdict: Verdict;
  rules: IntakeRules;
  receivedAt: Date;
}

/** The telling is outdated. What never changes about a record may still be learned from it. */
async function keep(tx: Transaction, told: Told, held: DirectoryRecord): Promise<Applied> {
  const { telling, mirror, organization, verdict } = told;
  const stale: Applied = {
    organizationId: organization._id,
    outcome: 'stale',
    urgent: [],
    touched: [],
  };
  const bornAtMs = earlierBirth(held.bornAtMs, telling.record.bornAtMs);
  if (bornAtMs !== held.bornAtMs) {
    held.bornAtMs = bornAtMs;
    // Which of their records counts may turn out to be another one than it seemed.
    const settled = await settle(tx, told, { firstSeen: false, readAfresh: verdict.doubtful });
    return { ...stale, ...signalsOf(settled) };
  }
  if (!verdict.doubtful || mirror.membershipId === null) return stale;
  await wantFreshRead(tx, mirror.membershipId);
  return { ...stale, touched: [mirror.membershipId] };
}

async function settle(
  tx: Transaction,
  { mirror, organization, directory, rules, receivedAt }: Told,
  of: { firstSeen: boolean; readAfresh: boolean },
): Promise<Settled> {
  const { file, newUserId } = rules;
  return settlePerson(tx, {
    ...of,
    mirror,
    organization,
    directory,
    file,
    newUserId,
    receivedAt,
    cause: 'directory',
  });
}

/** From open to closed: of two equal tellings the one further down counts. */
const closedness = ['active', 'suspended', 'inactive', 'deleted'];

function contentOf(
  told: DirectoryRecord,
  held: DirectoryRecord | null,
): { differs: boolean; closes: boolean } {
  if (held === null) return { differs: false, closes: false };
  const otherState = told.state !== held.state;
  const otherProfile = held.profile !== null && !isDeepStrictEqual(told.profile, held.profile);
  return {
    differs: otherState || otherProfile || !isDeepStrictEqual(told.roles, held.roles),
    closes: closedness.indexOf(told.state) > closedness.indexOf(held.state),
  };
}
