# One image, two commands: `node api/main.ts` (the default) and `node workers/main.ts`.
#
# Debian, not Alpine: Temporal's native core is built for glibc only.
ARG NODE_IMAGE=node:24-bookworm-slim

# Packages as locked, without the development ones (among them the npm package `node`: the image brings its own).
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

# The workflow bundle is built once, here: workers that each compiled their own could differ in code hash, and
# a worker in production refuses to start without it. It also ends the build where NODE_IMAGE has too old a Node.
FROM packages AS bundle
COPY . .
RUN npm run bundle

FROM ${NODE_IMAGE}
# The slim image has no root certificates; Temporal's core reads the system's, not those inside Node.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production \
    TENURE_WORKFLOW_BUNDLE=/app/dist/workflow-bundle.js
# Everything stays owned by root: the process cannot change its own code.
COPY --from=packages /app/node_modules ./node_modules
COPY . .
COPY --from=bundle /app/dist ./dist
USER node
EXPOSE 8080 8081
# Node runs the TypeScript sources as they are; exec form, so that SIGTERM reaches it and it drains.
CMD ["node", "api/main.ts"]
