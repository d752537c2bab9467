/** What `npm run simulate -- help` prints. */
export const usage = `npm run simulate -- <command>

People (PERSON is a handle, an e-mail or an id; add --directory where one handle stands in two)
  join [HANDLE] --directory DIRECTORY --email E --name "N" [--manager E] [--department D] [--group G]...
       [--job-title T] [--username U] [--role R]... [--state S] [--attribute KEY=VALUE]...
  update PERSON [the same]              an attribute changes; KEY= removes a custom attribute
  leave PERSON                          deactivated at the source, in the way of the directory
       [--inactive-users deleted|updated] [--edges none|before|after] [--state-in-event S]
  return PERSON                         comes back
  suspend PERSON                        state suspended
  recreate PERSON                       deleted and made again: new directory user id, same idp_id
  forget PERSON                         the source answers 404 from now on, and says nothing
  add-to-group PERSON GROUP
  remove-from-group PERSON GROUP
  session PERSON [--count N]            logs in with AuthKit
  create-user-api-key PERSON            makes an API key at AuthKit
  invite EMAIL [--organization O]       an invitation of AuthKit

Organizations, directories, groups
  create-organization NAME [--handle H] [--domain D]...
  create-directory NAME --organization O [--type "okta scim v2.0"] [--handle H] [--inactive-users deleted|updated]
  create-group NAME --directory DIRECTORY
  rename-group GROUP NAME               delete-group GROUP
  directory-state DIRECTORY STATE       linked, unlinked, validating, invalid_credentials
  delete-directory DIRECTORY            everyone in it is gone, with a single event
  move-directory DIRECTORY --organization O
  delete-organization ORGANIZATION      its directories are gone too

Faults
  fault duplicate|reorder|delay|drop on|off [--ms N] [--times N] [--event TYPE]...
  fault off                             webhooks are healthy again
  api-fault PATH [--status N] [--status-after N] [--ms N] [--times N] [--malformed] [--hang]    PATH may end in *
  api-fault off
  replay [EVENT_ID] [--event TYPE]      an old event is delivered again; by default the newest
  settings [--visibility-delay-ms N] [--directory-users-per-second N|off] [--inactive-users deleted|updated]
           [--sso-idp-ids directory|own]

Looking and playing
  list                                  organizations, directories, people, groups
  deliveries                            what became of each webhook
  scenario demo|tenure                  tenure: two guests join the demo's sandbox, leave, return, are forgotten
  help
`;
