/** The API in the development server: believable data that moves, for designing and for tests of the look.
 *
 * `MOCK_BASE=/err/` serves the preview under a sub-path; `MOCK_EMPTY=1` starts without projects. */

import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Connect, Plugin } from 'vite'
import { policy } from '../tools/policy.ts'
import { allGroups, detailOf, type MockGroup, makeWorld, type World } from './data.ts'

type Handler = (context: {
  url: URL
  match: RegExpMatchArray
  body: Record<string, unknown>
  response: ServerResponse
  world: World
}) => unknown

class Failure extends Error {
  readonly status: number
  readonly body: unknown
  constructor(status: number, body: unknown) {
    super(String(status))
    this.status = status
    this.body = body
  }
}

const missing = () => new Failure(404, { detail: 'Not found.' })

const groupOf = (world: World, id: string): MockGroup => {
  const group = allGroups(world).find(each => each.id === Number(id))
  if (!group) throw missing()
  return group
}

function filtered(world: World, url: URL): MockGroup[] {
  const project = world.projects.find(each => each.slug === url.searchParams.get('project'))
  const status = url.searchParams.get('status')
  const levels = url.searchParams.getAll('level')
  const environments = url.searchParams.getAll('environment')
  const words = (url.searchParams.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const spans: Record<string, number> = { '15m': 0.25, '1h': 1, '24h': 24, '7d': 168, '30d': 720 }
  const span = spans[url.searchParams.get('range') ?? '']
  const found = allGroups(world).filter(
    group =>
      group.project === project?.id &&
      (!status || group.status === status) &&
      (levels.length === 0 || levels.includes(group.level)) &&
      (environments.length === 0 || group.environments.some(name => environments.includes(name))) &&
      (!span || Date.now() - Date.parse(group.last_seen) < span * 3600_000) &&
      words.every(word => `${group.title} ${group.culprit} ${group.short_id}`.toLowerCase().includes(word)),
  )
  const sort = url.searchParams.get('sort') ?? 'last_seen'
  const rank = (group: MockGroup) =>
    sort === 'count' ? group.count : Date.parse(sort === 'first_seen' ? group.first_seen : group.last_seen)
  return found.sort((one, other) => rank(other) - rank(one))
}

const routes: [string, RegExp, Handler][] = [
  ['GET', /^\/api\/projects\/$/, ({ world }) => world.projects],
  [
    'POST',
    /^\/api\/projects\/$/,
    ({ world, body, response }) => {
      if (world.projects.some(project => project.slug === body.slug))
        throw new Failure(400, { slug: ['project with this slug already exists.'] })
      response.statusCode = 201
      return world.addProject(String(body.name), String(body.slug), String(body.platform ?? ''))
    },
  ],
  [
    'GET',
    /^\/api\/projects\/([^/]+)\/$/,
    ({ world, match }) => {
      const project = world.projects.find(each => each.slug === match[1])
      if (!project) throw missing()
      return {
        ...project,
        open_count: allGroups(world).filter(
          group => group.project === project.id && group.status === 'unresolved',
        ).length,
      }
    },
  ],
  [
    'GET',
    /^\/api\/projects\/([^/]+)\/intake\/$/,
    ({ world, match }) => {
      const project = world.projects.find(each => each.slug === match[1])
      const accepted = project?.event_count_24h ?? 0
      return {
        accepted,
        range: '24h',
        outcomes: accepted
          ? [
              { outcome: 'rate_limited', reason: 'project_quota', category: 'error', quantity: 12 },
              { outcome: 'filtered', reason: 'unsupported', category: 'transaction', quantity: 845 },
            ]
          : [],
      }
    },
  ],
  [
    'GET',
    /^\/api\/groups\/$/,
    ({ world, url, response }) => {
      const found = filtered(world, url)
      const from = Number(url.searchParams.get('cursor') ?? 0)
      const limit = Number(url.searchParams.get('limit') ?? found.length)
      response.setHeader('X-Hits', String(found.length))
      if (from + limit < found.length)
        response.setHeader('Link', `<${url.pathname}>; rel="next"; results="true"; cursor="${from + limit}"`)
      return found.slice(from, from + limit)
    },
  ],
  [
    'GET',
    /^\/api\/groups\/stats\/$/,
    ({ world, url }) =>
      Object.fromEntries(url.searchParams.getAll('id').map(id => [id, world.stats(groupOf(world, id))])),
  ],
  [
    'POST',
    /^\/api\/groups\/bulk\/$/,
    ({ world, body }) => {
      const ids = body.ids as number[]
      for (const id of ids) world.act(groupOf(world, String(id)), String(body.action))
      return { changed: ids }
    },
  ],
  [
    'GET',
    /^\/api\/groups\/by-short-id\/([^/]+)\/$/,
    ({ world, match }) => {
      const group = allGroups(world).find(each => each.short_id === match[1]?.toUpperCase())
      if (!group) throw missing()
      return group
    },
  ],
  ['GET', /^\/api\/groups\/(\d+)\/$/, ({ world, match }) => groupOf(world, match[1] ?? '')],
  [
    'POST',
    /^\/api\/groups\/(\d+)\/(resolve|unresolve|ignore)\/$/,
    ({ world, match }) => world.act(groupOf(world, match[1] ?? ''), match[2] ?? ''),
  ],
  [
    'POST',
    /^\/api\/groups\/(\d+)\/assign\/$/,
    ({ world, match, body }) => {
      const group = groupOf(world, match[1] ?? '')
      group.assignee = String(body.assignee)
      world.note(group, 'assigned', { to: group.assignee })
      return group
    },
  ],
  ['GET', /^\/api\/groups\/(\d+)\/comments\/$/, () => []],
  [
    'POST',
    /^\/api\/groups\/(\d+)\/comments\/$/,
    ({ world, match, body, response }) => {
      response.statusCode = 201
      const group = groupOf(world, match[1] ?? '')
      world.note(group, 'comment', { body: body.body })
      return { id: 1, group: group.id, author: '', body: body.body, created_at: new Date().toISOString() }
    },
  ],
  [
    'GET',
    /^\/api\/groups\/(\d+)\/activity\/$/,
    ({ world, match }) => world.activity(groupOf(world, match[1] ?? '')),
  ],
  ['GET', /^\/api\/groups\/(\d+)\/tags\/$/, ({ world, match }) => world.tags(groupOf(world, match[1] ?? ''))],
  [
    'GET',
    /^\/api\/groups\/(\d+)\/series\/$/,
    ({ world, match, url }) =>
      world.series(groupOf(world, match[1] ?? ''), url.searchParams.get('range') ?? '24h'),
  ],
  [
    'GET',
    /^\/api\/groups\/(\d+)\/events\/([^/]+)\/$/,
    ({ world, match }) => {
      const detail = detailOf(world, groupOf(world, match[1] ?? ''), match[2] ?? '')
      if (!detail) throw missing()
      return detail
    },
  ],
]

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text ? JSON.parse(text) : {}
}

function stream(world: World, response: ServerResponse, slug: string) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  response.write('event: hello\ndata: {"id": 1}\n\n')
  const send = (batch: { slug: string }) => {
    if (batch.slug === slug)
      response.write(`event: batch\nid: ${world.nextBatch()}\ndata: ${JSON.stringify(batch)}\n\n`)
  }
  world.listeners.add(send)
  response.on('close', () => world.listeners.delete(send))
}

/** Answers `/api/…`; gives everything else on. */
function answer(world: World): Connect.NextHandleFunction {
  return (request, response, next) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (!url.pathname.startsWith('/api/')) return next()
    if (url.pathname === '/api/live/') return stream(world, response, url.searchParams.get('project') ?? '')
    if (url.pathname === '/api/mock/event/') {
      world.happen(url.searchParams.get('project') ?? '', url.searchParams.get('kind') ?? 'again')
      return void response.end('{}')
    }
    const route = routes.find(([method, path]) => method === request.method && path.test(url.pathname))
    const match = route && url.pathname.match(route[1])
    void bodyOf(request)
      .then(body => {
        if (!route || !match) throw missing()
        return route[2]({ url, match, body, response, world })
      })
      .catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error
        response.statusCode = error.status
        return error.body
      })
      .then(result => {
        response.setHeader('Content-Type', 'application/json')
        response.end(JSON.stringify(result))
      })
  }
}

export function mockApi(): Plugin {
  return {
    name: 'mock-api',
    configureServer(server) {
      server.middlewares.use(answer(makeWorld()))
    },
    configurePreviewServer(server) {
      const world = makeWorld({
        isEmpty: Boolean(process.env.MOCK_EMPTY),
        isStill: Boolean(process.env.MOCK_STILL),
      })
      const base = process.env.MOCK_BASE ?? '/'
      server.middlewares.use((request, response, next) => {
        if (!request.url?.startsWith(base)) {
          response.statusCode = 404
          return void response.end()
        }
        request.url = request.url.slice(base.length - 1)
        next()
      })
      server.middlewares.use(answer(world))
      // As the server does it: the page with its base and its first data, for every path that is no file.
      server.middlewares.use((request, response, next) => {
        if (/\.\w+(\?|$)/.test(request.url ?? '')) return next()
        const bootstrap = JSON.stringify({
          user: null,
          projects: world.projects.map(({ id, name, slug, platform }) => ({ id, name, slug, platform })),
          version: '0.1.0',
          publicUrl: '',
          open: true,
        })
        const html = readFileSync(`${server.config.root}/${server.config.build.outDir}/index.html`, 'utf8')
          .replace('<head>', `<head><base href="${base}">`)
          .replace(
            '</head>',
            `<script type="application/json" id="bootstrap">${bootstrap.replace(/</g, '\\u003c')}</script></head>`,
          )
        response.setHeader('Content-Type', 'text/html; charset=utf-8')
        response.setHeader('Content-Security-Policy', policy)
        response.end(html)
      })
    },
  }
}
