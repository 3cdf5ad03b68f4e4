/** What surrounds every page: the rail (a bar at the bottom on phones), keys, toasts. */
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useParams } from '@tanstack/react-router'
import { BookOpen, Bug, FileCode, LayoutGrid, Monitor, Moon, Sun } from 'lucide-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { serverUrl } from '@/api/base'
import { readBootstrap } from '@/api/bootstrap'
import { projectQuery, projectsQuery } from '@/api/projects'
import { classes } from '@/components/classes'
import { Keys } from '@/components/keys'
import { Toasts } from '@/components/Toasts'
import { count } from '@/lib/numbers'
import { recall, remember } from '@/lib/storage'
import { ProjectSwitch } from './ProjectSwitch'
import { type Theme, useTheme } from './theme'

export const bootstrap = readBootstrap()

export function Shell() {
  const { project: inPath } = useParams({ strict: false })
  const main = useRef<HTMLElement>(null)
  const projects = useQuery(projectsQuery)
  const names = projects.data ?? bootstrap.projects
  useEffect(() => {
    if (inPath) remember('project', inPath)
  }, [inPath])
  const last = recall('project')
  const slug = inPath ?? (names.some(each => each.slug === last) ? last : undefined) ?? names[0]?.slug
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[56px_minmax(0,1fr)] lg:grid-cols-[176px_minmax(0,1fr)]">
      <button
        type="button"
        className="sr-only z-40 rounded-m bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
        onClick={() => main.current?.focus()}
      >
        Skip to the content
      </button>
      <Rail slug={slug ?? undefined} names={names} />
      <main ref={main} id="main" tabIndex={-1} className="min-w-0 pb-20 md:pb-0">
        <Outlet />
      </main>
      <Toasts />
      <Keys />
    </div>
  )
}

function Rail({ slug, names }: { slug: string | undefined; names: { name: string; slug: string }[] }) {
  const navigate = useNavigate()
  const project = useQuery({ ...projectQuery(slug ?? ''), enabled: Boolean(slug) })
  const [theme, setTheme] = useTheme()
  return (
    <nav
      aria-label="Main"
      className={classes(
        'z-10 flex bg-canvas md:sticky md:top-0 md:h-dvh md:flex-col md:gap-0.5 md:border-line md:border-r md:p-2 md:pt-2.5',
        'phone:fixed phone:inset-x-0 phone:bottom-0 phone:justify-around phone:border-line phone:border-t phone:bg-surface phone:px-2 phone:pb-[env(safe-area-inset-bottom)]',
      )}
    >
      <Link
        to="/projects"
        className="flex items-center gap-2 px-2 pt-1 pb-2.5 font-[650] tracking-[-0.01em] phone:hidden md:justify-center md:px-0 lg:justify-start lg:px-2"
      >
        <Mark />
        <span className="md:sr-only lg:not-sr-only">Mini Sentry</span>
      </Link>
      {names.length > 0 && (
        <ProjectSwitch
          slug={slug}
          names={names}
          onChoose={next => void navigate({ to: '/p/$project/issues', params: { project: next } })}
        />
      )}
      {slug && (
        <RailLink
          icon={<Bug size={16} aria-hidden />}
          text="Issues"
          note={project.data && project.data.open_count > 0 ? count(project.data.open_count) : undefined}
          to="/p/$project/issues"
          slug={slug}
        />
      )}
      <RailLink icon={<LayoutGrid size={16} aria-hidden />} text="Projects" to="/projects" />
      {slug && (
        <RailLink
          icon={<FileCode size={16} aria-hidden />}
          text="Set up"
          to="/p/$project/setup"
          slug={slug}
        />
      )}
      <div className="flex-1 phone:hidden" />
      <a href={serverUrl('docs/')} className={railItem} title="API docs">
        <BookOpen size={16} aria-hidden />
        <span className="md:sr-only lg:not-sr-only">API docs</span>
      </a>
      <ThemeButton theme={theme} setTheme={setTheme} />
      {bootstrap.version && (
        <span className="hidden px-2 pt-1 text-2xs text-ink3 lg:block">{bootstrap.version}</span>
      )}
    </nav>
  )
}

const railItem = classes(
  'flex items-center gap-[9px] rounded-m px-2 py-[5px] text-ink2 hover:text-ink md:min-h-[30px] md:justify-center lg:justify-start',
  'phone:min-h-14 phone:min-w-14 phone:flex-col phone:justify-center phone:gap-0.5 phone:px-1.5 phone:text-2xs',
)

function RailLink({
  icon,
  text,
  note,
  to,
  slug,
}: {
  icon: ReactNode
  text: string
  note?: string
  to: '/p/$project/issues' | '/p/$project/setup' | '/projects'
  slug?: string
}) {
  return (
    <Link
      to={to}
      params={{ project: slug ?? '' }}
      title={text}
      activeOptions={{ exact: to === '/projects', includeSearch: false }}
      className={railItem}
      activeProps={{
        className: 'bg-surface font-semibold text-ink! ring-1 ring-line phone:ring-0 phone:text-accent!',
      }}
    >
      {icon}
      <span className="md:sr-only lg:not-sr-only">{text}</span>
      {note && <span className="ml-auto hidden font-medium text-ink3 text-xs lg:inline">{note}</span>}
    </Link>
  )
}

const nextTheme: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }
const themeWords: Record<Theme, string> = { system: 'System theme', light: 'Light theme', dark: 'Dark theme' }

function ThemeButton({ theme, setTheme }: { theme: Theme; setTheme: (theme: Theme) => void }) {
  const Icon = { system: Monitor, light: Sun, dark: Moon }[theme]
  return (
    <button
      type="button"
      className={railItem}
      title={`${themeWords[theme]}; press for the next`}
      onClick={() => setTheme(nextTheme[theme])}
    >
      <Icon size={16} aria-hidden />
      <span className="phone:hidden md:sr-only lg:not-sr-only">{themeWords[theme]}</span>
      <span className="md:hidden">Theme</span>
    </button>
  )
}

function Mark() {
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true" className="shrink-0">
      <rect width="18" height="18" rx="5" className="fill-ink" />
      <rect x="5" y="5" width="8" height="8" rx="2" className="fill-bar-error" transform="rotate(45 9 9)" />
    </svg>
  )
}
