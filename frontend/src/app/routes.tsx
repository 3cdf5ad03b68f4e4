/** The whole URL map. Pages load when they are gone to; their links, parameters and searches are typed from here. */
import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  Link,
  lazyRouteComponent,
  Outlet,
  redirect,
  type SearchSchemaInput,
} from '@tanstack/react-router'
import * as v from 'valibot'
import { basePath } from '@/api/base'
import { projectQuery, projectsQuery } from '@/api/projects'
import { Button, buttonClasses } from '@/components/Button'
import { Notice } from '@/components/State'
import { useTitle } from '@/components/title'
import {
  filtersOf,
  type IssueSearch,
  type IssuesSearch,
  issueSearch,
  issuesSearch,
} from '@/features/issues/filters'
import { groupsQuery } from '@/features/issues/queries'
import { formatSearch, parseSearch } from '@/lib/search-params'
import { recall } from '@/lib/storage'
import { Shell } from './Shell'

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: Broken,
})

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  loader: async ({ context }) => {
    const projects = await context.client.ensureQueryData(projectsQuery)
    const [only] = projects
    if (!only) throw redirect({ to: '/projects/new', replace: true })
    const last =
      projects.find(project => project.slug === recall('project')) ??
      (projects.length === 1 ? only : undefined)
    if (!last) throw redirect({ to: '/projects', replace: true })
    throw redirect({
      to: last.last_event_at ? '/p/$project/issues' : '/p/$project/setup',
      params: { project: last.slug },
      replace: true,
    })
  },
})

const projects = createRoute({
  getParentRoute: () => root,
  path: '/projects',
  component: lazyRouteComponent(() => import('@/features/projects/ProjectsPage'), 'ProjectsPage'),
})

const newProject = createRoute({
  getParentRoute: () => root,
  path: '/projects/new',
  component: lazyRouteComponent(() => import('@/features/projects/NewProjectPage'), 'NewProjectPage'),
})

const project = createRoute({ getParentRoute: () => root, path: '/p/$project', component: Outlet })

const projectHome = createRoute({
  getParentRoute: () => project,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/p/$project/issues', params, replace: true })
  },
})

const setup = createRoute({
  getParentRoute: () => project,
  path: 'setup',
  component: lazyRouteComponent(() => import('./SetupRoute'), 'SetupRoute'),
})

const issues = createRoute({
  getParentRoute: () => project,
  path: 'issues',
  validateSearch: (search: Record<string, unknown> & SearchSchemaInput): IssuesSearch =>
    v.parse(issuesSearch, search),
  loaderDeps: ({ search }) => ({ search }),
  // Asked for while the page's code is still on its way.
  loader: ({ context, params, deps }) => {
    void context.client.prefetchInfiniteQuery(groupsQuery(params.project, filtersOf(deps.search)))
    void context.client.prefetchQuery(projectQuery(params.project)).then(() => {
      const project = context.client.getQueryData(projectQuery(params.project).queryKey)
      // Its list will be the set-up.
      if (project?.last_event_at === null) void import('@/features/setup/SetupPage')
    })
  },
  component: lazyRouteComponent(() => import('./IssuesRoute'), 'IssuesRoute'),
})

const issue = createRoute({
  getParentRoute: () => project,
  path: 'issues/$short',
  validateSearch: (search: Record<string, unknown> & SearchSchemaInput): IssueSearch =>
    v.parse(issueSearch, search),
  component: lazyRouteComponent(() => import('@/features/issues/IssuePage'), 'IssuePage'),
})

// The page belongs to the issue; its event is a part of the address, so that going to another keeps what is open.
const event = createRoute({ getParentRoute: () => issue, path: 'events/$event' })

const tree = root.addChildren([
  home,
  projects,
  newProject,
  project.addChildren([projectHome, setup, issues, issue.addChildren([event])]),
])

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    basepath: basePath || '/',
    context: { client },
    parseSearch,
    stringifySearch: formatSearch,
    defaultPreload: 'intent',
    defaultPreloadDelay: 80,
    scrollRestoration: true,
    defaultErrorComponent: Broken,
    defaultNotFoundComponent: NotFound,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}

function NotFound() {
  useTitle('No such page')
  return (
    <Notice
      isPage
      title="There is no such page."
      actions={
        <Link to="/projects" className={buttonClasses()}>
          All projects
        </Link>
      }
    >
      The address may be mistyped, or what it showed is gone.
    </Notice>
  )
}

/** A page that broke, or whose code is gone because a newer version was installed under the open tab. */
function Broken({ error }: ErrorComponentProps) {
  const message = error instanceof Error ? error.message : String(error)
  const isOutdated = /dynamically imported module|module script failed/i.test(message)
  return (
    <Notice
      isPage
      title={isOutdated ? 'A new version is installed.' : 'This page broke.'}
      actions={
        <Button rank="primary" onClick={() => window.location.reload()}>
          Reload
        </Button>
      }
    >
      {isOutdated ? 'Reload to go on with it.' : message}
    </Notice>
  )
}
