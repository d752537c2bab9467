import type { Organization, Person } from './state.ts';

/**
 * The identity provider's sign-in page: one link for each person, and a field for anybody else. Everybody who is
 * chosen is signed in, also somebody who has left: whether they may in is what Tenure answers.
 *
 * @param link the address of the page itself, with everything that the application asked
 */
export function signInPage(organization: Organization, people: Person[], link: URL): string {
  const rows = people.map(({ user }) => {
    const email = user.email ?? '';
    const name = [user.firstName, user.lastName].filter((part) => part !== null).join(' ');
    const state = user.state === 'active' ? '' : ` <small>${escapeHtml(user.state)}</small>`;
    const href = new URL(link);
    href.searchParams.set('login_hint', email);
    return `<li><a href="${escapeHtml(href.pathname + href.search)}">${escapeHtml(name || email)}</a> <small>${escapeHtml(email)}</small>${state}</li>`;
  });
  const hidden = [...link.searchParams]
    .filter(([key]) => key !== 'login_hint')
    .map(
      ([key, value]) =>
        `<input type="hidden" name="${escapeHtml(key)}" value="${escapeHtml(value)}">`,
    );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in at ${escapeHtml(organization.name)}</title>
<style>
body { font: 16px/1.6 system-ui, sans-serif; margin: 3rem auto; max-width: 34rem; padding: 0 1rem; color: #1c2024; }
small { color: #60646c; }
input, button { font: inherit; padding: 0.2rem 0.6rem; }
</style>
<h1>${escapeHtml(organization.name)}: sign in</h1>
<p>The simulated identity provider signs in whoever is chosen, also people who have left.</p>
<ul>
${rows.join('\n')}
</ul>
<form action="${escapeHtml(link.pathname)}">
${hidden.join('\n')}
<label>Somebody else: <input type="email" name="login_hint" required></label>
<button>Sign in</button>
</form>
`;
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
