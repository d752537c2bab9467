import type {
  HostFile,
  IdType,
  PersonalDataRule,
  ResourceKind,
  SessionSource,
  UsersProjection,
} from '../../domain/host-file.ts';
import { defaultAttributeMap, type AttributeMap } from '../../domain/profile.ts';
import type { ParsedHostFile } from './schema.ts';
import { refreshOf, type ParsedSession } from './sessions-schema.ts';

/** A parsed file with every default filled in. */
export function complete(parsed: ParsedHostFile): HostFile {
  return {
    version: 1,
    database: parsed.database ?? null,
    defaults: parsed.defaults,
    organizations: parsed.organizations,
    organizationOwner: parsed.organizationOwner,
    attributes: attributesOf(parsed.attributes),
    directoryOrder: parsed.directoryOrder,
    users: parsed.users === undefined ? null : usersOf(parsed.users),
    sessions: parsed.sessions.map(sessionOf),
    resources: parsed.resources.map(resourceOf),
    personalData: parsed.personalData.map(personalDataOf),
    notifications: parsed.notifications,
    tokenRevocation: parsed.tokenRevocation,
  };
}

function attributesOf(given: ParsedHostFile['attributes']): AttributeMap {
  return {
    email: given.email ?? defaultAttributeMap.email,
    username: given.username ?? defaultAttributeMap.username,
    firstName: given.firstName ?? defaultAttributeMap.firstName,
    lastName: given.lastName ?? defaultAttributeMap.lastName,
    displayName: given.displayName ?? defaultAttributeMap.displayName,
  };
}

function idTypeOf(value: { id?: IdType | undefined; idType?: IdType | undefined }): IdType {
  return value.id ?? value.idType ?? 'string';
}

function usersOf(users: NonNullable<ParsedHostFile['users']>): UsersProjection {
  const { connector, collection, uniqueEmail, fields } = users;
  return { connector, collection, id: idTypeOf(users), uniqueEmail, fields };
}

/**
 * Keys and personal access tokens live until somebody revokes them; sessions end by themselves. Whole words
 * count, in any case: a `keycloak_session` taken for a key would survive a leaving that is not the last.
 */
function namesKey(kind: string): boolean {
  const words = kind
    .replaceAll(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3 $2')
    .toLowerCase()
    .split(/[ _.-]+/);
  return /(?:^| )(?:(?:api ?)?keys?|access ?tokens?)(?: |$)/.test(words.join(' '));
}

function sessionOf(source: ParsedSession): SessionSource {
  if (source.connector === 'jwt') {
    const { kind, connector, maxAge } = source;
    return { kind, connector, maxAgeMs: maxAge };
  }
  if (source.connector === 'http') return { ...source, url: source.url.replace(/\/+$/, '') };
  if (source.connector !== 'mongodb') return source;
  const { kind, connector, collection, user, organization, credential, revoke } = source;
  return {
    kind,
    connector,
    collection,
    user,
    organization: organization ?? null,
    scope: organization === undefined ? 'user' : 'organization',
    isKey: credential === undefined ? namesKey(kind) : credential === 'key',
    idType: idTypeOf(source),
    revoke,
    onRoleLoss: refreshOf(source) ?? (source.onRoleLoss === 'revoke' ? 'revoke' : 'none'),
  };
}

function resourceOf(resource: ParsedHostFile['resources'][number]): ResourceKind {
  const { kind, connector, collection, owner, organization, critical } = resource;
  const idType = idTypeOf(resource);
  return {
    kind,
    connector,
    collection,
    owner,
    organization: organization ?? null,
    critical,
    idType,
  };
}

function personalDataOf(rule: ParsedHostFile['personalData'][number]): PersonalDataRule {
  const { connector, collection, user, organization, fields } = rule;
  return {
    connector,
    collection,
    user,
    organization: organization ?? null,
    scope: organization === undefined ? 'user' : 'organization',
    idType: idTypeOf(rule),
    fields,
  };
}
