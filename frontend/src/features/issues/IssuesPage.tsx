/** The issue list: what is new, what came back, what grew, cleared by mouse or keys. */
import { useInfiniteQuery, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { ArrowUp } from 'lucide-react'
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useLive } from '@/api/live'
import { projectQuery } from '@/api/projects'
import type { Group } from '@/api/types'
import { useKeys } from '@/components/keys'
import { PageHead } from '@/components/PageHead'
import { Failed } from '@/components/State'
import { useTitle } from '@/components/title'
import { levelOf } from '@/lib/event'
import { count, counted } from '@/lib/numbers'
import { type Action, offered, useIssueActions } from './actions'
import { FilterBar, Scope } from './FilterBar'
import { filtersOf, type GroupFilters, narrowing, rangeShort, searchOf } from './filters'
import { columns, IssueRow } from './IssueRow'
import { BulkBar, Empty, RowSkeletons } from './ListParts'
import { LiveSign } from './LiveSign'
import { applyBatch, eventQuery, groupQuery, groupsQuery, rememberList, statsQuery } from './queries'
import { useRows } from './rows'
import { SearchHelp } from './SearchHelp'
import { StatusTabs } from './StatusTabs'
import { searchProblem } from './search-problem'
import { useSelection } from './selection'

const route = getRouteApi('/p/$project/issues')

export function IssuesPage({ noEvent }: { noEvent: ReactNode }) {
  const { project: slug } = route.useParams()
  const search = route.useSearch()
  const filters = useMemo(() => filtersOf(search), [search])
  const navigate = useNavigate()
  const client = useQueryClient()
  const project = useQuery(projectQuery(slug))
  const list = useInfiniteQuery(groupsQuery(slug, filters))
  const groups = useMemo(() => list.data?.pages.flatMap(page => page.groups) ?? [], [list.data])
  const hits = list.data?.pages[0]?.hits ?? groups.length
  const problem = searchProblem(list.error, filters.q)
  const selection = useSelection(groups)
  const { chosen, choose } = selection
  const [current, setCurrent] = useState<number>()
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set())
  const { run, runMatching } = useIssueActions(slug)

  const setFilters = useCallback(
    (next: Partial<GroupFilters>, { replace = false } = {}) => {
      void navigate({
        to: '/p/$project/issues',
        params: { project: slug },
        search: searchOf({ ...filters, ...next }),
        replace,
      })
    },
    [navigate, slug, filters],
  )

  useEffect(() => rememberList(slug, filters), [slug, filters])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list has other rows
  useEffect(() => {
    selection.none()
    setFresh(new Set())
    setCurrent(undefined)
  }, [slug, filters])

  const showsOpen = filters.status === 'unresolved' || filters.status === 'all'
  const live = useLive(slug, {
    onBatch: batch => {
      const unknown = applyBatch(client, batch).filter(
        each => showsOpen && (filters.level.length === 0 || filters.level.includes(levelOf(each.level))),
      )
      if (unknown.length > 0) setFresh(before => new Set([...before, ...unknown.map(each => each.id)]))
      if (project.data && !project.data.last_event_at)
        void client.invalidateQueries({ queryKey: ['projects'] })
    },
    onMissed: () => void client.invalidateQueries({ queryKey: ['groups', slug] }),
  })

  const showFresh = useCallback(async () => {
    setFresh(new Set())
    // Keep one page, so that the refetch asks for one.
    client.setQueryData(
      groupsQuery(slug, filters).queryKey,
      lists => lists && { pages: lists.pages.slice(0, 1), pageParams: lists.pageParams.slice(0, 1) },
    )
    window.scrollTo({ top: 0 })
    await list.refetch()
    void client.invalidateQueries({ queryKey: ['projects'] })
  }, [client, slug, filters, list.refetch])

  const scope = filters.range || '24h'
  const stats = useStats(slug, list.data?.pages.map(page => page.groups) ?? [], scope, filters.environment)
  const isNarrowed = narrowing(filters).length > 0

  function act(action: Action) {
    if (selection.isMatching) void runMatching(filters, action)
    else {
      const at = current === undefined ? undefined : groups[current]
      void run(chosen.length > 0 ? chosen : at ? [at] : [], action)
    }
    selection.none()
  }

  const rowsRef = useRef<HTMLDivElement>(null)
  const { virtualizer, move } = useRows(rowsRef, groups.length, current, setCurrent)
  const rows = virtualizer.getVirtualItems()

  const lastShown = rows.at(-1)?.index ?? 0
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && lastShown >= groups.length - 15) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, lastShown, groups.length])

  function open(index: number | undefined) {
    const group = index === undefined ? undefined : groups[index]
    if (!group) return
    void navigate({
      to: '/p/$project/issues/$short',
      params: { project: slug, short: group.short_id },
      search: { environment: search.environment },
    })
  }

  const searchBox = useRef<HTMLInputElement>(null)
  useKeys([
    { key: 'j', does: 'Next issue', run: () => move(1) },
    { key: 'k', does: 'Previous issue', run: () => move(-1) },
    { key: 'Enter', does: 'Open the issue', run: () => open(current) },
    {
      key: 'x',
      does: 'Select the issue',
      run: () => {
        const group = current === undefined ? undefined : groups[current]
        if (group) choose(group, !selection.has(group), false)
      },
    },
    { key: 'e', does: 'Resolve', run: () => act('resolve') },
    { key: 'i', does: 'Ignore', run: () => act('ignore') },
    { key: 'u', does: 'Reopen', run: () => act('unresolve') },
    { key: '/', does: 'Search', run: () => searchBox.current?.focus() },
    { key: 'Escape', does: 'Clear the selection', run: selection.none },
  ])

  /** By the time a row is clicked its page is mostly there. */
  const intend = useCallback(
    (group: Group) => {
      client.setQueryData(groupQuery(group.short_id).queryKey, before => before ?? group)
      void client.prefetchQuery(eventQuery(group.id, 'latest', { environment: filters.environment, q: '' }))
    },
    [client, filters.environment],
  )

  const hasNoEvent =
    project.data !== undefined &&
    !project.data.last_event_at &&
    !isNarrowed &&
    groups.length === 0 &&
    list.isSuccess
  useTitle(hasNoEvent ? 'Set up' : 'Issues', slug)
  if (hasNoEvent) return noEvent

  return (
    <>
      <PageHead title="Issues" aside={<LiveSign state={live} />}>
        <Scope filters={filters} environments={environmentsOf(groups)} onChange={setFilters} />
      </PageHead>
      <StatusTabs
        status={filters.status}
        open={project.data?.open_count}
        onChange={status => setFilters({ status })}
      />
      <div className="px-2.5 py-2.5 md:px-4">
        <FilterBar filters={filters} onChange={setFilters} boxRef={searchBox} problem={problem} />
        <p className="sr-only" role="status">
          {list.isSuccess && `${counted(hits, 'issue')} match`}
        </p>
        <div className="relative mt-2 overflow-hidden rounded-l border border-line bg-surface">
          <div className="absolute inset-x-0 top-0 z-[2] h-0.5">
            {list.isFetching && !list.isLoading && <div className="busy-line h-full" />}
          </div>
          {chosen.length > 0 ? (
            <BulkBar
              selection={selection}
              loaded={groups.length}
              hits={hits}
              actions={offered(selection.isMatching ? undefined : chosen, filters.status)}
              onAct={act}
            />
          ) : (
            <div
              className={`${columns} h-[26px] border-line border-b bg-sunk text-ink3 text-xs phone:hidden`}
            >
              <input
                type="checkbox"
                aria-label="Select all issues in the list"
                checked={false}
                disabled={groups.length === 0}
                onChange={selection.all}
              />
              <span>
                {list.isSuccess ? `${counted(hits, 'issue')}${isNarrowed ? ' match' : ''}` : 'Issue'}
              </span>
              <span className="hidden lg:inline">Trend, {rangeShort[scope]}</span>
              <span
                className="text-right"
                title={
                  filters.range || filters.environment.length
                    ? `In the range and environments chosen (${rangeShort[scope]})`
                    : 'All time'
                }
              >
                Events
              </span>
              <span className="text-right" title={`Distinct users in ${rangeShort[scope]}`}>
                Users
              </span>
              <span className="text-right" title="Last seen, over first seen">
                Seen
              </span>
              <span className="hidden lg:inline">Owner</span>
            </div>
          )}
          {fresh.size > 0 && (
            <button
              type="button"
              onClick={() => void showFresh()}
              className="flex w-full items-center justify-center gap-1 border-line border-b py-[3px] font-medium text-accent text-s hover:bg-sunk phone:min-h-11"
            >
              <ArrowUp size={13} aria-hidden /> {counted(fresh.size, 'new issue')} since you opened this list
              — show
            </button>
          )}
          {list.isPending && <RowSkeletons />}
          {problem && <SearchHelp />}
          {list.isError && !problem && (
            <Failed what="The issues" error={list.error} retry={() => void list.refetch()} />
          )}
          {list.isSuccess && groups.length === 0 && (
            <Empty filters={filters} total={project.data?.open_count} onChange={setFilters} />
          )}
          {/* biome-ignore lint/a11y/useSemanticElements: rows are placed, so a list element could not hold them */}
          <div
            ref={rowsRef}
            role="list"
            aria-label="Issues"
            className="relative"
            style={{ height: virtualizer.getTotalSize() }}
          >
            {rows.map(row => {
              const group = groups[row.index]
              if (!group) return null
              const own = stats[group.id]
              return (
                // biome-ignore lint/a11y/useSemanticElements: see above
                <div
                  key={group.id}
                  role="listitem"
                  aria-posinset={row.index + 1}
                  aria-setsize={hits}
                  className="absolute inset-x-0 top-0"
                  style={{ transform: `translateY(${row.start - virtualizer.options.scrollMargin}px)` }}
                >
                  <IssueRow
                    group={group}
                    slug={slug}
                    index={row.index}
                    stats={own}
                    scope={rangeShort[scope] ?? scope}
                    counts={own && (filters.range || filters.environment.length) ? own.count : group.count}
                    environment={filters.environment}
                    isSelected={selection.has(group)}
                    isCurrent={row.index === current}
                    isLeaving={filters.status !== 'all' && group.status !== filters.status}
                    onSelect={choose}
                    onFocus={setCurrent}
                    onIntent={intend}
                  />
                </div>
              )
            })}
          </div>
          {groups.length > 0 && (
            <div className="bg-sunk px-2.5 py-[7px] text-ink2 text-s">
              {hasNextPage
                ? `${count(groups.length)} of ${counted(hits, 'issue')} loaded`
                : `${counted(groups.length, 'issue')}, no more`}
            </div>
          )}
        </div>
      </div>
    </>
  )
}

/** Stats of every loaded page by group id; a page whose stats are away has none. */
function useStats(slug: string, pages: Group[][], range: string, environment: string[]) {
  const results = useQueries({
    queries: pages.map(groups =>
      statsQuery(
        slug,
        groups.map(group => group.id),
        range,
        environment,
      ),
    ),
  })
  return Object.assign({}, ...results.map(result => result.data ?? {})) as NonNullable<
    (typeof results)[number]['data']
  >
}

function environmentsOf(groups: Group[]): string[] {
  return [...new Set(groups.flatMap(group => group.environments))].sort()
}
