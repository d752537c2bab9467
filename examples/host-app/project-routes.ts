import { Router } from '@koa/router';
import type Koa from 'koa';

import type { Gate } from '../../gate/create-gate.ts';
import type { AppState } from './app.ts';
import type { Jobs } from './jobs.ts';
import type { Live } from './live.ts';
import { deniedPage, projectPage, projectsPage } from './pages.ts';
import type { Project, Projects } from './projects.ts';
import type { Actor, Credentials } from './sessions.ts';

/** What the pages of projects work with. */
export interface ProjectRoutesOptions {
  projects: Projects;
  jobs: Jobs;
  live: Pick<Live, 'tell'>;
  credentials: Pick<Credentials, 'grant' | 'endGrant'>;
  gate: Pick<Gate, 'check'>;
}

type ProjectContext = Koa.ParameterizedContext<AppState>;

/** Pages and a small API of projects. The gate was asked already, by the middleware before. */
export function createProjectRoutes(options: ProjectRoutesOptions): Router<AppState> {
  const { projects, jobs, live, credentials, gate } = options;
  const router = new Router<AppState>();
  router.get('/projects', async (ctx) => {
    const actor = actorOf(ctx);
    const { access } = ctx.state;
    if (access === undefined) return ctx.throw(500);
    const lists = { projects: await projects.list(actor), jobs: await jobs.list(actor) };
    ctx.body = projectsPage(access, actor.userId, lists);
  });
  router.post('/projects', async (ctx) => {
    const actor = actorOf(ctx);
    const project = await projects.create(actor, titleOf(ctx));
    // Whoever made the project does not wait until everybody else was asked about at the gate.
    void live.tell(actor.organizationId, { title: project.title });
    ctx.redirect('/projects');
  });
  router.get('/projects/:id', async (ctx) => {
    const project = await found(ctx, projects);
    ctx.body = projectPage(project, await projects.documents(actorOf(ctx), project._id));
  });
  router.post('/projects/:id/title', async (ctx) => {
    const renamed = await projects.rename(actorOf(ctx), ctx.params['id'] ?? '', titleOf(ctx));
    ctx.redirect(`/projects/${(renamed ?? ctx.throw(404))._id}`);
  });
  router.post('/projects/:id/documents', async (ctx) => {
    const project = await found(ctx, projects);
    await projects.addDocument(actorOf(ctx), project._id, titleOf(ctx));
    ctx.redirect(`/projects/${project._id}`);
  });
  router.post('/projects/:id/export', async (ctx) => {
    const project = await found(ctx, projects);
    await jobs.add(actorOf(ctx), project._id);
    ctx.redirect('/projects');
  });
  router.post('/grants', async (ctx) => {
    const actor = actorOf(ctx);
    const token = await credentials.grant(actor, textOf(ctx, 'app'));
    const { userId, organizationId } = actor;
    // Access may have closed while the grant was being written, too late for a revocation to find it.
    const again = await gate.check({ userId, organizationId, action: 'login' });
    if (!again.allowed) {
      await credentials.endGrant(token);
      ctx.status = again.reason === 'unavailable' ? 503 : 403;
      ctx.body = deniedPage(again);
      return;
    }
    ctx.status = 201;
    ctx.body = { token };
  });
  router.get('/api/projects', async (ctx) => {
    const list = await projects.list(actorOf(ctx));
    ctx.body = { data: list.map(({ _id, title }) => ({ id: _id, title })) };
  });
  return router;
}

function actorOf(ctx: ProjectContext): Actor {
  return ctx.state.actor ?? ctx.throw(401);
}

async function found(
  ctx: ProjectContext & { params: Record<string, string> },
  projects: Projects,
): Promise<Project> {
  const project = await projects.find(actorOf(ctx), ctx.params['id'] ?? '');
  return project ?? ctx.throw(404);
}

function titleOf(ctx: ProjectContext): string {
  return textOf(ctx, 'title');
}

/** A text of 1 to 200 characters from a form; anything else is refused. */
function textOf(ctx: ProjectContext, name: string): string {
  const { body } = ctx.request;
  const value: unknown = isRecord(body) ? body[name] : undefined;
  const text = typeof value === 'string' ? value.trim() : '';
  return text !== '' && text.length <= 200 ? text : ctx.throw(422);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
