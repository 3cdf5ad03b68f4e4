/** All projects with what is open, what came in, and the keys to send with. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { projectsQuery } from '@/api/projects'
import type { Project } from '@/api/types'
import { buttonClasses } from '@/components/Button'
import { Chip } from '@/components/Chip'
import { CopyButton } from '@/components/Copy'
import { PageHead } from '@/components/PageHead'
import { Failed, Notice, Skeleton } from '@/components/State'
import { Age } from '@/components/Time'
import { useTitle } from '@/components/title'
import { count } from '@/lib/numbers'

const columns =
  'grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-2 px-3 lg:grid-cols-[minmax(0,1fr)_7rem_5.5rem_6.5rem_5.5rem_13rem]'

export function ProjectsPage() {
  const projects = useQuery(projectsQuery)
  useTitle('Projects')
  const [words, setWords] = useState('')
  const shown = (projects.data ?? []).filter(project =>
    `${project.name} ${project.slug}`.toLowerCase().includes(words.trim().toLowerCase()),
  )
  return (
    <>
      <PageHead
        title="Projects"
        aside={
          <Link to="/projects/new" className={buttonClasses({ rank: 'primary' })}>
            <Plus size={14} aria-hidden /> New project
          </Link>
        }
      />
      <div className="px-2.5 py-3 md:px-4">
        {(projects.data?.length ?? 0) > 8 && (
          <input
            type="search"
            aria-label="Find a project"
            placeholder="Find a project"
            value={words}
            onChange={event => setWords(event.target.value)}
            className="mb-2.5 h-[30px] w-full max-w-sm rounded-m border border-edge bg-surface px-2.5 phone:h-11"
          />
        )}
        {projects.isError && (
          <Failed what="The projects" error={projects.error} retry={() => void projects.refetch()} />
        )}
        {projects.isPending && (
          <div role="status" aria-label="Loading projects" className="flex flex-col gap-2">
            <Skeleton className="h-12" />
            <Skeleton className="h-12" />
          </div>
        )}
        {projects.data?.length === 0 && (
          <Notice
            title="No project yet."
            actions={
              <Link to="/projects/new" className={buttonClasses({ rank: 'primary' })}>
                New project
              </Link>
            }
          >
            A project is one application that sends events. It gets its own address to send to.
          </Notice>
        )}
        {shown.length > 0 && (
          <div className="overflow-hidden rounded-l border border-line bg-surface">
            <div
              aria-hidden
              className={`${columns} hidden h-[26px] border-line border-b bg-sunk text-ink3 text-xs lg:grid`}
            >
              <span>Project</span>
              <span>Platform</span>
              <span className="text-right">Open issues</span>
              <span className="text-right">Events in 24 h</span>
              <span className="text-right">Last event</span>
              <span />
            </div>
            <ul>
              {shown.map(project => (
                <ProjectRow key={project.id} project={project} />
              ))}
            </ul>
          </div>
        )}
        {projects.data && projects.data.length > 0 && shown.length === 0 && (
          <Notice title={`No project is called “${words}”.`} />
        )}
      </div>
    </>
  )
}

function ProjectRow({ project }: { project: Project }) {
  return (
    <li className={`${columns} relative min-h-[50px] border-line border-b py-2 last:border-0 hover:bg-sunk`}>
      <div className="min-w-0">
        <Link
          to={project.last_event_at ? '/p/$project/issues' : '/p/$project/setup'}
          params={{ project: project.slug }}
          className="block truncate font-semibold outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {project.name}
        </Link>
        <span className="font-mono text-ink3 text-xs">{project.slug}</span>
      </div>
      <div className="phone:text-right lg:block">
        {project.platform ? <Chip>{project.platform}</Chip> : <span className="text-ink3">—</span>}
      </div>
      <div className="lg:text-right">
        <b className="font-medium">{count(project.open_count)}</b>
        <span className="text-ink3 lg:sr-only"> open issues</span>
      </div>
      <div className="text-right">
        <b className="font-medium">{count(project.event_count_24h)}</b>
        <span className="text-ink3 lg:sr-only"> events in 24 h</span>
      </div>
      <div className="lg:text-right">
        {project.last_event_at ? (
          <>
            <span className="text-ink3 lg:sr-only">last event </span>
            <Age time={project.last_event_at} />
          </>
        ) : (
          <span className="text-ink3">none yet</span>
        )}
      </div>
      <div className="relative z-[1] flex justify-end gap-1.5">
        <CopyButton text={project.dsn} label="DSN" />
        <CopyButton text={project.ingest_token} label="Token" />
        <Link
          to="/p/$project/setup"
          params={{ project: project.slug }}
          className={buttonClasses({ small: true })}
        >
          Set up
        </Link>
      </div>
    </li>
  )
}
