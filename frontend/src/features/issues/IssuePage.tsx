/** One issue at one of its events, read from top to bottom like an answer. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ApiError } from '@/api/client'
import { useLive } from '@/api/live'
import type { EventDetail, Group } from '@/api/types'
import { Button } from '@/components/Button'
import { useKeys } from '@/components/keys'
import { PageHead } from '@/components/PageHead'
import { Failed, FailedLine, Notice, Skeleton } from '@/components/State'
import { useTitle } from '@/components/title'
import { count } from '@/lib/numbers'
import { cut } from '@/lib/text'
import { Activity } from './Activity'
import { EventLine } from './EventLine'
import { EventPanels } from './EventPanels'
import { Facts } from './Facts'
import type { IssueSearch } from './filters'
import { IssueHead } from './IssueHead'
import { LiveSign } from './LiveSign'
import { applyBatch, eventQuery, groupQuery, neighboursInList } from './queries'
import { EssentialsPanel, TagSharesPanel } from './Sidebar'
import { Timeline } from './Timeline'
import { StatusOf } from './words'

export function IssuePage() {
  const { project: slug, short } = useParams({ from: '/p/$project/issues/$short' })
  const { event: eventKey = 'latest' } = useParams({ strict: false })
  const search: IssueSearch = useSearch({ from: '/p/$project/issues/$short' })
  const group = useQuery(groupQuery(short))

  if (group.isError) {
    if (group.error instanceof ApiError && group.error.status === 404)
      return <NotFound slug={slug} short={short} />
    return <Failed what={`Issue ${short}`} error={group.error} retry={() => void group.refetch()} />
  }
  if (group.isPending) return <PageSkeleton slug={slug} short={short} />
  return <Loaded key={group.data.id} group={group.data} slug={slug} eventKey={eventKey} search={search} />
}

function Loaded({
  group,
  slug,
  eventKey,
  search,
}: {
  group: Group
  slug: string
  eventKey: string
  search: IssueSearch
}) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const environment = useMemo(() => search.environment ?? [], [search.environment])
  const filter = useMemo(() => ({ environment, q: search.q ?? '' }), [environment, search.q])
  const event = useQuery({
    ...eventQuery(group.id, eventKey, filter),
    // The former event stays in sight until the next is there, so that nothing jumps.
    placeholderData: (before: EventDetail | undefined) => (before?.group === group.id ? before : undefined),
  })
  const [hasNewer, setHasNewer] = useState(false)
  const around = neighboursInList(client, slug, group.short_id)

  useTitle(cut(group.title, 200), group.short_id)

  // Neighbours are fetched ahead, so that moving between events does not wait.
  useEffect(() => {
    const { previous, next } = event.data?.neighbours ?? {}
    for (const id of [previous, next]) if (id) void client.prefetchQuery(eventQuery(group.id, id, filter))
  }, [client, event.data, group.id, filter])
  useEffect(() => {
    for (const each of [around?.next, around?.previous]) {
      if (!each) continue
      client.setQueryData(groupQuery(each.short_id).queryKey, before => before ?? each)
    }
  }, [client, around?.next, around?.previous])

  const countAgain = useCountAgain(group.id)
  const live = useLive(slug, {
    onBatch: batch => {
      applyBatch(client, batch)
      if (!batch.groups.some(each => each.id === group.id)) return
      setHasNewer(true)
      countAgain()
      void client.invalidateQueries({ queryKey: ['event', group.id], refetchType: 'none' })
    },
    onMissed: () => void client.invalidateQueries({ queryKey: groupQuery(group.short_id).queryKey }),
  })

  const goTo = useCallback(
    (id: string | null | undefined) => {
      if (!id) return
      setHasNewer(false)
      if (id === 'latest') void client.invalidateQueries({ queryKey: ['event', group.id, 'latest'] })
      void navigate({
        to: '/p/$project/issues/$short/events/$event',
        params: { project: slug, short: group.short_id, event: id },
        search,
        resetScroll: false,
      })
    },
    [client, navigate, slug, group.short_id, group.id, search],
  )
  const goToIssue = (to: Group | undefined) => {
    if (to)
      void navigate({
        to: '/p/$project/issues/$short',
        params: { project: slug, short: to.short_id },
        search: { environment: search.environment },
      })
  }
  const neighbours = event.data?.neighbours
  useKeys([
    { key: '[', does: 'Older event', run: () => goTo(neighbours?.previous) },
    { key: ']', does: 'Newer event', run: () => goTo(neighbours?.next) },
    { key: '{', does: 'First event', run: () => goTo('first') },
    { key: '}', does: 'Latest event', run: () => goTo('latest') },
    { key: 'j', does: 'Next issue of the list', run: () => goToIssue(around?.next) },
    { key: 'k', does: 'Previous issue of the list', run: () => goToIssue(around?.previous) },
  ])

  return (
    <>
      <PageHead
        title={<span className="font-mono">{group.short_id}</span>}
        before={
          <>
            <Link
              to="/p/$project/issues"
              params={{ project: slug }}
              search={around ? listSearch(search) : {}}
              className="text-ink3 hover:text-ink hover:underline"
            >
              Issues
            </Link>
            <span className="text-ink3">/</span>
          </>
        }
        aside={
          <>
            <LiveSign state={live} />
            {around && (
              <span className="flex items-center gap-1.5 text-ink3 phone:hidden">
                {around.position} of {count(around.total)}
                <Button
                  small
                  disabled={!around.previous}
                  onClick={() => goToIssue(around.previous)}
                  hotkey="K"
                  icon={<ArrowUp size={12} aria-label="Previous issue" />}
                />
                <Button
                  small
                  disabled={!around.next}
                  onClick={() => goToIssue(around.next)}
                  hotkey="J"
                  icon={<ArrowDown size={12} aria-label="Next issue" />}
                />
              </span>
            )}
          </>
        }
      >
        <StatusOf group={group} />
      </PageHead>
      <IssueHead group={group} slug={slug} event={event.data} search={search} />
      <Facts group={group} slug={slug} environment={environment} />
      <Timeline
        group={group}
        range={search.range ?? '24h'}
        environment={environment}
        at={event.data?.received_at}
        search={search}
      />
      {event.data ? (
        <EventLine
          event={event.data}
          eventKey={eventKey}
          goTo={goTo}
          hasNewer={hasNewer}
          isMoving={event.isPlaceholderData}
        />
      ) : (
        event.isPending && (
          <div className="px-4 py-3">
            <Skeleton className="h-5 w-80" />
          </div>
        )
      )}
      <Body
        group={group}
        event={event.data}
        search={search}
        missing={
          event.isError && (
            <EventMissing
              error={event.error}
              group={group}
              retry={() => void event.refetch()}
              onLatest={() => goTo('latest')}
              eventKey={eventKey}
            />
          )
        }
      />
    </>
  )
}

/** Asks for what the columns count of the group, once the events just announced have reached them; at most every two
 * seconds, however many batches come. */
function useCountAgain(group: number): () => void {
  const client = useQueryClient()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      void client.invalidateQueries({ queryKey: ['series', group] })
      void client.invalidateQueries({ queryKey: ['tags', group] })
    }, 2000)
  }, [client, group])
}

function listSearch(search: IssueSearch) {
  return { environment: search.environment }
}

function Body({
  group,
  event,
  search,
  missing,
}: {
  group: Group
  event: EventDetail | undefined
  search: IssueSearch
  /** What to say in place of the event; without it and an event, one is on its way. */
  missing: ReactNode
}) {
  const main = useRef<HTMLDivElement>(null)
  return (
    <div ref={main} className="grid grid-cols-1 items-start lg:grid-cols-[minmax(0,1fr)_356px]">
      <div className="min-w-0">
        {missing || (event ? <EventPanels event={event} group={group} search={search} /> : <PanelSkeleton />)}
      </div>
      <aside
        aria-label="About the issue"
        className="grid min-w-0 grid-cols-1 gap-3 px-2.5 pt-0 pb-6 md:px-4 lg:pt-[46px] lg:pl-0"
      >
        <TagSharesPanel group={group} />
        {event && <EssentialsPanel event={event} />}
        <Activity group={group} />
      </aside>
    </div>
  )
}

function EventMissing({
  error,
  group,
  retry,
  onLatest,
  eventKey,
}: {
  error: Error
  group: Group
  retry: () => void
  onLatest: () => void
  eventKey: string
}) {
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Notice
        title={eventKey === 'latest' ? 'No event of this issue is stored.' : 'This event is not stored.'}
        actions={eventKey !== 'latest' && <Button onClick={onLatest}>Go to the latest event</Button>}
      >
        {group.stored_count === 0
          ? `All ${count(group.count)} events were counted, but none is kept: events are removed after their retention time.`
          : 'It may have been removed after its retention time, or lie outside the filter.'}
      </Notice>
    )
  }
  return <FailedLine what="The event" error={error} retry={retry} />
}

function NotFound({ slug, short }: { slug: string; short: string }) {
  useTitle(`No issue ${short}`, slug)
  return (
    <>
      <PageHead title={short} withZone={false} />
      <Notice
        title={`There is no issue ${short}.`}
        actions={
          <Link to="/p/$project/issues" params={{ project: slug }} className="prose-link">
            All issues of {slug}
          </Link>
        }
      >
        It was deleted, merged into another, or never existed.
      </Notice>
    </>
  )
}

function PageSkeleton({ slug, short }: { slug: string; short: string }) {
  return (
    <>
      <PageHead
        title={<h1 className="font-mono">{short}</h1>}
        before={
          <>
            <Link to="/p/$project/issues" params={{ project: slug }} className="text-ink3">
              Issues
            </Link>
            <span className="text-ink3">/</span>
          </>
        }
      />
      <div className="bg-surface px-4 py-4">
        <Skeleton className="mb-2 h-6 w-72" />
        <Skeleton className="h-4 w-96 max-w-full" />
      </div>
      <PanelSkeleton />
    </>
  )
}

function PanelSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading the event"
      className="m-4 rounded-l border border-line bg-surface p-3"
    >
      <Skeleton className="mb-3 h-4 w-40" />
      <Skeleton className="mb-2 h-8" />
      <Skeleton className="h-48" />
    </div>
  )
}
