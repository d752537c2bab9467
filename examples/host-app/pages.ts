import type { GateAnswer, GateReason } from '../../gate/create-gate.ts';
import { html, type Html } from './html.ts';
import type { ExportJob } from './jobs.ts';
import type { Project, ProjectDocument } from './projects.ts';

function page(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} - Acme</title>
        <link rel="stylesheet" href="/acme.css" />
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `.text;
}

/** Where somebody says who they are; the company's own identity provider does the rest. */
export function signInPage(problem = ''): string {
  return page(
    'Sign in',
    html`${problem === '' ? '' : html`<p role="alert">${problem}</p>`}
      <form method="post" action="/login">
        <label>Work e-mail <input type="email" name="email" required autofocus /></label>
        <button>Sign in</button>
      </form>`,
  );
}

/** What each reason means for the person in front of the screen. Nothing here tells a stranger who exists. */
const explanations: Record<GateReason, string> = {
  open: 'You may go in.',
  opening: 'Your access is being set up. Try again in a moment.',
  disabled: 'Your access was suspended. Ask your administrator.',
  suspended: 'Your account is suspended in the directory of your company.',
  notBacked: 'Your access has ended: the directory of your company no longer lists you.',
  unknown: 'The directory of your company does not list you. Ask your administrator for access.',
  pendingLink: 'An administrator has to confirm who you are. Your access waits for that.',
  ambiguous: 'Several people have this address. Ask your administrator.',
  identityMismatch: 'Your sign-in does not match your account. Ask your administrator.',
  anonymized: 'This account was deleted.',
  unavailable: 'Whether you may go in cannot be asked at the moment. Try again.',
};

/** The clear end of a sign-in or of a click: why, and nothing else. */
export function deniedPage({ reason }: Pick<GateAnswer, 'reason'>): string {
  return page(
    'No access',
    html`<p id="reason" data-reason="${reason}">${explanations[reason]}</p>
      <p><a href="/">Sign in again</a></p>`,
  );
}

/** Everything of the organization, and what the person may do with it. */
export function projectsPage(
  access: GateAnswer,
  userId: string,
  lists: { projects: Project[]; jobs: ExportJob[] },
): string {
  const roles = access.roles.length === 0 ? 'none' : access.roles.join(', ');
  return page(
    'Projects',
    html`<p>
        Your roles: <span id="roles">${roles}</span>.
        <span id="live" role="status">not connected</span>
      </p>
      <ul id="projects">
        ${lists.projects.map(
          (project) =>
            html`<li>
              <a href="/projects/${project._id}">${project.title}</a
              >${project.ownerId === userId ? '' : html` <small>a colleague's</small>`}
            </li>`,
        )}
      </ul>
      <form method="post" action="/projects">
        <label>New project <input name="title" required maxlength="200" /></label>
        <button>Create</button>
      </form>
      <h2>Exports</h2>
      <ul id="exports">
        ${lists.jobs.map((job) => html`<li>${job.projectId}: ${job.state}</li>`)}
      </ul>
      <form method="post" action="/logout"><button>Sign out</button></form>
      <script src="/live.js"></script>`,
  );
}

/** One project with its documents. */
export function projectPage(project: Project, documents: ProjectDocument[]): string {
  const path = `/projects/${project._id}`;
  return page(
    project.title,
    html`<ul id="documents">
        ${documents.map(({ title }) => html`<li>${title}</li>`)}
      </ul>
      <form method="post" action="${path}/documents">
        <label>New document <input name="title" required maxlength="200" /></label>
        <button>Add</button>
      </form>
      <form method="post" action="${path}/title">
        <label
          >Rename <input name="title" value="${project.title}" required maxlength="200"
        /></label>
        <button>Rename</button>
      </form>
      <form method="post" action="${path}/export"><button>Export</button></form>
      <p><a href="/projects">All projects</a></p>`,
  );
}

/** Anything else that a person is told. */
export function messagePage(title: string, text: string): string {
  return page(
    title,
    html`<p>${text}</p>
      <p><a href="/">Back</a></p>`,
  );
}

export const stylesheet = `
body { font: 16px/1.6 system-ui, sans-serif; margin: 0; color: #1c2024; background: #fcfcfd; }
main { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
form { margin: 1rem 0; }
input, button { font: inherit; padding: 0.3rem 0.7rem; border: 1px solid #8b8d98; border-radius: 0.4rem; }
button { background: #1c2024; color: #fff; cursor: pointer; }
small { color: #60646c; }
[role='alert'] { color: #b3261e; }
`;

/** Shows that the page is connected, and sends the person to the explanation when the server ends it. */
export const liveScript = `
const status = document.getElementById('live');
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live');
socket.addEventListener('open', () => { status.textContent = 'live'; });
socket.addEventListener('message', ({ data }) => {
  const { title } = JSON.parse(data);
  const item = document.createElement('li');
  item.textContent = title;
  document.getElementById('projects').append(item);
});
socket.addEventListener('close', ({ code }) => {
  status.textContent = code === 4403 ? 'access ended' : 'not connected';
});
`;
