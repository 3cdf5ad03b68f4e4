/** Connecting an application: install, paste, prove, and the moment it works. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheck } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { baseUrl } from '@/api/base'
import { readBootstrap } from '@/api/bootstrap'
import { useLive } from '@/api/live'
import { projectQuery } from '@/api/projects'
import type { Project } from '@/api/types'
import { Button, buttonClasses } from '@/components/Button'
import { Code } from '@/components/Code'
import { CopyButton } from '@/components/Copy'
import { classes } from '@/components/classes'
import { PageHead } from '@/components/PageHead'
import { Failed } from '@/components/State'
import { Text } from '@/components/Text'
import { Age } from '@/components/Time'
import { useTitle } from '@/components/title'
import { recall, remember } from '@/lib/storage'
import { IntakeSeen } from './IntakeSeen'
import { newestQuery } from './queries'
import { SetupSkeleton } from './SetupSkeleton'
import { curl, type Platform, platforms, underOrigin } from './snippets'

export function SetupPage({ slug }: { slug: string }) {
  const project = useQuery(projectQuery(slug))
  useTitle('Set up', slug)
  if (project.isPending) return <SetupSkeleton />
  return (
    <>
      <PageHead title="Set up" withZone={false}>
        <span className="text-ink3">{project.data?.name}</span>
      </PageHead>
      {project.isError && (
        <Failed what="The project" error={project.error} retry={() => void project.refetch()} />
      )}
      {project.data && <SetupSteps project={project.data} />}
    </>
  )
}

function platformOf(project: Project): Platform {
  const wanted = recall(`setup.${project.slug}`) ?? project.platform
  const [python] = platforms
  return platforms.find(platform => platform.id === wanted) ?? (python as Platform)
}

export function SetupSteps({ project }: { project: Project }) {
  const [platform, setPlatform] = useState(() => platformOf(project))
  const here = new URL(baseUrl).origin
  const publicUrl = readBootstrap().publicUrl || baseUrl
  const told = new URL(publicUrl).origin
  const [origin, setOrigin] = useState(told)
  const dsn = project.dsn && underOrigin(project.dsn, origin)
  const tokenUrl = underOrigin(tokenAddress(project, publicUrl), origin)
  const facts = { dsn, tokenUrl }
  const paste = platform.paste(facts)

  function choose(next: Platform) {
    setPlatform(next)
    remember(`setup.${project.slug}`, next.id)
  }

  return (
    <div className="mx-auto grid w-full max-w-[68rem] grid-cols-1 items-start gap-x-6 gap-y-3 px-2.5 py-4 md:grid-cols-[168px_minmax(0,1fr)] md:px-4">
      <nav aria-label="Platform" className="phone:-mx-2.5 phone:overflow-x-auto phone:px-2.5">
        <h2 className="mb-1 px-2 font-[650] text-ink3 text-xs phone:sr-only">Platform</h2>
        <ul className="flex gap-0.5 md:flex-col">
          {platforms.map(each => (
            <li key={each.id}>
              <button
                type="button"
                aria-current={each === platform ? 'true' : undefined}
                onClick={() => choose(each)}
                className={classes(
                  'w-full whitespace-nowrap rounded-m px-2 py-[5px] text-left phone:min-h-11 phone:border phone:border-edge phone:px-3',
                  each === platform
                    ? 'bg-surface font-semibold ring-1 ring-line phone:bg-accent-soft'
                    : 'text-ink2 hover:bg-sunk hover:text-ink',
                )}
              >
                {each.name}
              </button>
            </li>
          ))}
        </ul>
      </nav>
      <div className="flex min-w-0 flex-col gap-4">
        <Listening project={project} />
        {told !== here && (
          <p className="rounded-l border border-line bg-warning-soft px-3 py-2 text-s">
            The server says its public address is <b className="font-mono font-semibold">{told}</b>, but you
            reached it at <b className="font-mono font-semibold">{here}</b>. Use the one that your application
            can reach.{' '}
            <Button small className="ml-1" onClick={() => setOrigin(origin === told ? here : told)}>
              Use {origin === told ? here : told}
            </Button>
          </p>
        )}
        {!dsn && (
          <p role="alert" className="rounded-l bg-warning-soft px-3 py-2">
            All keys of this project are disabled, so no SDK can send to it.
          </p>
        )}
        <div className="flex items-center gap-2">
          <span className="text-ink3">DSN</span>
          <code
            className="min-w-0 truncate rounded-s border border-line bg-surface px-2 py-1 font-mono text-s phone:py-2"
            title={dsn}
          >
            {dsn}
          </code>
          <CopyButton text={dsn} label="Copy" />
        </div>
        <ol className="flex flex-col gap-4">
          {platform.install && (
            <Step number={1} title="Install">
              <Code label="Install" text={platform.install} language="" />
            </Step>
          )}
          <Step
            number={platform.install ? 2 : 1}
            title={platform.id === 'curl' ? 'Send an event' : 'Paste'}
            note={
              platform.file
                ? `in ${platform.file}`
                : platform.id === 'curl'
                  ? undefined
                  : 'before anything else runs'
            }
          >
            <Code label="Paste" text={paste} language={platform.language} />
          </Step>
          {platform.prove && (
            <Step number={3} title="Prove" note={platform.run ?? 'run this once'}>
              <Code label="Prove" text={platform.prove} language={platform.language} />
            </Step>
          )}
        </ol>
        {platform.id !== 'curl' && (
          <details className="rounded-l border border-line bg-surface">
            <summary className="cursor-pointer px-3 py-2 font-medium">
              Or send one by hand, with nothing but curl
            </summary>
            <div className="px-3 pb-3">
              <Code label="With curl" text={curl(tokenUrl)} language="" />
            </div>
          </details>
        )}
        <IntakeSeen slug={project.slug} />
      </div>
    </div>
  )
}

/** Where the project's token takes events; the public address may lie under a path of its own. */
function tokenAddress(project: Project, publicUrl: string): string {
  return new URL(`api/events/ingest/token/${project.ingest_token}/`, publicUrl.replace(/\/*$/, '/')).href
}

function Step({
  number,
  title,
  note,
  children,
}: {
  number: number
  title: string
  note?: string
  children: ReactNode
}) {
  return (
    <li>
      <h2 className="mb-1.5 flex items-center gap-2 font-[650]">
        <span
          aria-hidden
          className="grid size-5 place-items-center rounded-full bg-accent-soft text-accent text-xs"
        >
          {number}
        </span>
        {title}
        {note && <span className="font-normal text-ink3 text-s">{note}</span>}
      </h2>
      {children}
    </li>
  )
}

type First = { shortId: string; title: string; at: string }

/** The line that turns by itself when the first event lands. */
function Listening({ project }: { project: Project }) {
  const client = useQueryClient()
  const [since] = useState(() => Date.now())
  const [hadNone] = useState(!project.last_event_at)
  const [told, setTold] = useState<First>()
  const newest = useQuery(newestQuery(project.slug))
  useLive(project.slug, {
    onBatch: batch => {
      const group = batch.groups.at(-1)
      if (group) setTold({ shortId: group.short_id, title: group.title, at: group.last_seen })
      void client.invalidateQueries({ queryKey: ['projects'] })
    },
    onMissed: () => void newest.refetch(),
  })
  const latest = newest.data?.[0]
  const polled = latest && { shortId: latest.short_id, title: latest.title, at: latest.last_seen }
  const known = told ?? polled
  // One clock is the server's, one ours: what arrived while we watched counts as now, whatever they say.
  const isFresh = told !== undefined || (known !== undefined && Date.parse(known.at) > since - 2000)
  if (known && isFresh) {
    return (
      <Found known={known} slug={project.slug}>
        {hadNone ? 'First event' : 'Event'} <Age time={known.at} long />
      </Found>
    )
  }
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-x-3 gap-y-1 rounded-l border border-line bg-surface px-3 py-2.5"
    >
      <span aria-hidden className="live-dot is-waiting ml-1" />
      <b className="font-semibold">
        {known ? 'Listening for the next event…' : 'Listening for the first event…'}
      </b>
      {known && (
        <span className="text-ink3">
          last one <Age time={known.at} long />,{' '}
          <Link
            to="/p/$project/issues/$short"
            params={{ project: project.slug, short: known.shortId }}
            className="prose-link"
          >
            {known.shortId}
          </Link>
        </span>
      )}
    </div>
  )
}

function Found({ known, slug, children }: { known: First; slug: string; children: ReactNode }) {
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-x-3 gap-y-2 rounded-l border border-line bg-ok-soft px-3 py-2.5"
    >
      <CircleCheck size={18} aria-hidden className="text-ok" />
      <span className="min-w-0">
        <b className="font-semibold">{children}</b>
        <span className="ml-2 text-ink2 [overflow-wrap:anywhere]">
          <Text>{known.title}</Text>
        </span>
      </span>
      <Link
        to="/p/$project/issues/$short"
        params={{ project: slug, short: known.shortId }}
        className={classes(buttonClasses({ rank: 'primary' }), 'ml-auto')}
      >
        Open it
      </Link>
    </div>
  )
}
