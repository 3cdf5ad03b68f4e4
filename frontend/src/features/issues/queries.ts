/** The requests of the issue list and the issue page, and the changes to what they cached. */
import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
} from '@tanstack/react-query'
import { api, nextCursor, unwrap, withResponse } from '@/api/client'
import type { EventDetail, Group, GroupStats, LiveBatch } from '@/api/types'
import type { GroupFilters } from './filters'

const pageSize = 50

export type GroupPage = { groups: Group[]; cursor: string | undefined; hits: number | undefined }

const some = <Value>(values: Value[]) => (values.length ? values : undefined)

/** The filters as the API's parameters, but for the search words and the order. */
const narrowed = (filters: GroupFilters) => ({
  status: filters.status === 'all' ? undefined : [filters.status],
  level: some(filters.level),
  environment: some(filters.environment),
  release: filters.release || undefined,
  range: filters.range || undefined,
})

export const groupsQuery = (slug: string, filters: GroupFilters) =>
  infiniteQueryOptions({
    queryKey: ['groups', slug, filters],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }): Promise<GroupPage> => {
      const { data, response } = await withResponse(
        api.GET('/api/groups/', {
          params: {
            query: {
              project: slug,
              limit: pageSize,
              cursor: pageParam,
              sort: filters.sort,
              ...narrowed(filters),
              q: filters.q || undefined,
            },
          },
          signal,
        }),
      )
      const hits = Number(response.headers.get('X-Hits') ?? Number.NaN)
      return {
        groups: data,
        cursor: nextCursor(response.headers.get('Link')),
        hits: Number.isNaN(hits) ? undefined : hits,
      }
    },
    getNextPageParam: page => page.cursor,
    // While other filters load, the rows of the former ones stay, so that nothing blinks.
    placeholderData: (before: GroupLists | undefined) => before,
  })

/** Trends, users and counts in range of a page of groups. Comes from the columns: may be away without harm. */
export const statsQuery = (slug: string, ids: number[], range: string, environment: string[]) =>
  queryOptions({
    queryKey: ['stats', slug, range, environment, ids],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/groups/stats/', {
          params: { query: { project: slug, id: ids, range, environment: some(environment) } },
          signal,
        }),
      ),
    enabled: ids.length > 0,
    refetchInterval: 60_000,
    retry: 1,
    placeholderData: before => before,
  })

export const groupQuery = (shortId: string) =>
  queryOptions({
    queryKey: ['group', shortId.toUpperCase()],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/groups/by-short-id/{short_id}/', { params: { path: { short_id: shortId } }, signal }),
      ),
  })

export const eventQuery = (group: number, event: string, filter: { environment: string[]; q: string }) =>
  queryOptions({
    queryKey: ['event', group, event, filter],
    queryFn: async ({ signal }) => {
      const detail = await unwrap(
        api.GET('/api/groups/{id}/events/{event}/', {
          params: {
            path: { id: group, event },
            query: { environment: some(filter.environment), q: filter.q || undefined },
          },
          signal,
        }),
      )
      return detail as EventDetail
    },
    // An event never changes; its neighbours do, at the newer end.
    staleTime: event === 'latest' ? 5_000 : 60_000,
  })

/** How wide a bar of the timeline is, so that each range has about a hundred. */
export const timelineSteps: Record<string, string> = { '24h': '15m', '7d': '2h', '30d': '8h' }

export const seriesQuery = (group: number, range: string, environment: string[]) =>
  queryOptions({
    queryKey: ['series', group, range, environment],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/groups/{id}/series/', {
          params: {
            path: { id: group },
            query: { range, interval: timelineSteps[range], environment: some(environment) },
          },
          signal,
        }),
      ),
    retry: 1,
    placeholderData: before => before,
  })

export const tagsQuery = (group: number) =>
  queryOptions({
    queryKey: ['tags', group],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/groups/{id}/tags/', { params: { path: { id: group } }, signal })),
    retry: 1,
  })

export const activityQuery = (group: number) =>
  queryOptions({
    queryKey: ['activity', group],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/groups/{id}/activity/', { params: { path: { id: group } }, signal })),
  })

export const commentsQuery = (group: number) =>
  queryOptions({
    queryKey: ['comments', group],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/groups/{id}/comments/', { params: { path: { id: group } }, signal })),
  })

export function addComment(group: number, body: string) {
  return unwrap(api.POST('/api/groups/{id}/comments/', { params: { path: { id: group } }, body: { body } }))
}

export type Action = 'resolve' | 'unresolve' | 'ignore'

/** How many ids the API takes at once. */
const mostIds = 10_000

/** Does one action to groups of a project by their ids, however many. */
export async function actOnGroups(slug: string, action: Action | 'undo', ids: number[]): Promise<void> {
  for (let from = 0; from < ids.length; from += mostIds) {
    const body = { project: slug, ids: ids.slice(from, from + mostIds), action }
    await unwrap(api.POST('/api/groups/bulk/', { body }))
  }
}

/** Does one action to every group that matches, seen or not. Gives the ids of those that it changed. */
export async function actOnMatching(slug: string, action: Action, filters: GroupFilters): Promise<number[]> {
  const { changed } = await unwrap(
    api.POST('/api/groups/bulk/', {
      params: { query: narrowed(filters) },
      body: { project: slug, q: filters.q, action },
    }),
  )
  return changed
}

type GroupLists = InfiniteData<GroupPage, string | undefined>

/** Changes groups wherever they are cached: in every list and on their own page. */
export function patchGroups(client: QueryClient, slug: string, patch: (group: Group) => Group): void {
  client.setQueriesData<GroupLists>(
    { queryKey: ['groups', slug] },
    lists => lists && patchPages(lists, patch),
  )
  client.setQueriesData<Group>({ queryKey: ['group'] }, group => group && patch(group))
}

function patchPages(lists: GroupLists, patch: (group: Group) => Group): GroupLists {
  let isChanged = false
  const pages = lists.pages.map(page => {
    const groups = page.groups.map(patch)
    const isSame = groups.every((group, index) => group === page.groups[index])
    isChanged ||= !isSame
    return isSame ? page : { ...page, groups }
  })
  return isChanged ? { ...lists, pages } : lists
}

/** Applies a live batch to the cached lists and pages; their order stays. Gives the groups that no list had yet. */
export function applyBatch(client: QueryClient, batch: LiveBatch): LiveBatch['groups'] {
  const changed = new Map(batch.groups.map(group => [group.id, group]))
  const seen = new Set<number>()
  const added = new Map<number, number>()
  patchGroups(client, batch.slug, group => {
    const news = changed.get(group.id)
    if (!news) return group
    seen.add(group.id)
    if (news.count <= group.count && news.kind !== 'regression') return group
    added.set(group.id, Math.max(added.get(group.id) ?? 0, news.count - group.count))
    const back = news.kind === 'regression' ? ({ status: 'unresolved', substatus: 'regressed' } as const) : {}
    return { ...group, ...back, count: news.count, last_seen: news.last_seen }
  })
  client.setQueriesData<GroupStats>(
    { queryKey: ['stats', batch.slug] },
    stats => stats && raise(stats, added),
  )
  return batch.groups.filter(group => group.kind !== 'again' && !seen.has(group.id))
}

/** Adds events to the newest bar and the count of each group's stats. */
function raise(stats: GroupStats, added: Map<number, number>): GroupStats {
  const result = { ...stats }
  for (const [id, more] of added) {
    const known = result[id]
    if (!known) continue
    const trend = [...known.trend]
    trend[trend.length - 1] = (trend.at(-1) ?? 0) + more
    result[id] = { ...known, trend, count: known.count + more }
  }
  return result
}

/** The list that the issue page was opened from, so that its keys go on in the same order. */
let lastList: { slug: string; filters: GroupFilters } | undefined

export function rememberList(slug: string, filters: GroupFilters): void {
  lastList = { slug, filters }
}

export function neighboursInList(client: QueryClient, slug: string, shortId: string) {
  if (!lastList || lastList.slug !== slug) return undefined
  const lists = client.getQueryData(groupsQuery(slug, lastList.filters).queryKey)
  const groups = lists?.pages.flatMap(page => page.groups) ?? []
  const index = groups.findIndex(group => group.short_id === shortId)
  if (index < 0) return undefined
  return {
    position: index + 1,
    total: lists?.pages[0]?.hits ?? groups.length,
    previous: groups[index - 1],
    next: groups[index + 1],
    filters: lastList.filters,
  }
}
