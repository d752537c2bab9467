/**
 * An account at an address of the person may as well be somebody else's who is in: to end their sessions would be
 * wrong, to call it done would be worse. Somebody has to say whose it is, by giving the account the `external_id`
 * of its person.
 */
export class AccountUnclear extends Error {
  override readonly name = 'AccountUnclear';
  readonly code = 'accountUnclear';

  constructor() {
    super('An account at WorkOS could belong to several people.');
  }
}

/**
 * WorkOS answers 403 where the API keys of a user are to be listed: `WORKOS_API_KEY` may not do so. Keys that nobody
 * can see may be alive, so nothing is called done.
 */
export class ApiKeysForbidden extends Error {
  override readonly name = 'ApiKeysForbidden';
  readonly code = 'apiKeysForbidden';

  constructor() {
    super('WorkOS does not let Tenure list the API keys of a user.');
  }
}

/** Why nobody can say that nothing is left, although everything that is known to be the person's is read. */
export type Doubt = AccountUnclear | ApiKeysForbidden;
