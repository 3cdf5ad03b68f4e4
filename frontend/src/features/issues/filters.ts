/** What of the issue list and the issue page lives in the URL, read tolerantly: a wrong value falls back. */
import * as v from 'valibot'
import { type Level, levels } from '@/lib/event'

const list = v.fallback(
  v.optional(
    v.pipe(
      v.union([v.string(), v.array(v.string())]),
      v.transform(value => (Array.isArray(value) ? value : value ? value.split(',') : [])),
    ),
  ),
  undefined,
)
const levelList = v.pipe(
  list,
  v.transform(words => {
    const known = levels.filter(level => words?.includes(level))
    return known.length > 0 ? known : undefined
  }),
)
const oneOf = <const Values extends readonly string[]>(values: Values) =>
  v.fallback(v.optional(v.picklist(values)), undefined)

export const ranges = ['15m', '1h', '24h', '7d', '30d'] as const
export const sorts = ['last_seen', 'first_seen', 'count'] as const
export const statuses = ['unresolved', 'resolved', 'ignored', 'all'] as const

export const issuesSearch = v.object({
  q: v.fallback(v.optional(v.string()), undefined),
  level: v.optional(levelList),
  environment: list,
  release: v.fallback(v.optional(v.string()), undefined),
  status: oneOf(statuses),
  sort: oneOf(sorts),
  range: oneOf(ranges),
})
export type IssuesSearch = v.InferOutput<typeof issuesSearch>

export const issueSearch = v.object({
  environment: list,
  q: v.fallback(v.optional(v.string()), undefined),
  range: oneOf(['24h', '7d', '30d']),
  frames: oneOf(['app', 'all']),
  order: oneOf(['newest', 'oldest']),
  src: oneOf(['original', 'minified']),
})
export type IssueSearch = v.InferOutput<typeof issueSearch>

/** Filters with their defaults, as the API takes them. Without a range there is none: all issues, however old. */
export type GroupFilters = {
  status: (typeof statuses)[number]
  sort: (typeof sorts)[number]
  level: Level[]
  environment: string[]
  q: string
  release: string
  range: string
}

export function filtersOf(search: IssuesSearch): GroupFilters {
  return {
    status: search.status ?? 'unresolved',
    sort: search.sort ?? 'last_seen',
    level: search.level ?? [],
    environment: search.environment ?? [],
    q: search.q ?? '',
    release: search.release ?? '',
    range: search.range ?? '',
  }
}

/** The search that differs from the defaults only, to keep addresses short. */
export function searchOf(filters: Partial<GroupFilters>): IssuesSearch {
  const filled = <Value extends string | string[]>(value: Value | undefined): Value | undefined =>
    value?.length ? value : undefined
  return {
    q: filled(filters.q),
    level: filled(filters.level),
    environment: filled(filters.environment),
    release: filled(filters.release),
    status: filters.status === 'unresolved' ? undefined : filters.status,
    sort: filters.sort === 'last_seen' ? undefined : filters.sort,
    range: filled(filters.range) as IssuesSearch['range'],
  }
}

/** The filters that narrow the list, in words, each with the search that drops it. */
export function narrowing(filters: GroupFilters): { name: string; without: GroupFilters }[] {
  const found: { name: string; without: GroupFilters }[] = []
  if (filters.q) found.push({ name: `“${filters.q}”`, without: { ...filters, q: '' } })
  if (filters.level.length)
    found.push({ name: `level ${filters.level.join(', ')}`, without: { ...filters, level: [] } })
  if (filters.environment.length) {
    const names = filters.environment.map(name => name || 'no environment')
    found.push({ name: `environment ${names.join(', ')}`, without: { ...filters, environment: [] } })
  }
  if (filters.release)
    found.push({ name: `release ${filters.release}`, without: { ...filters, release: '' } })
  if (filters.range)
    found.push({
      name: rangeWords[filters.range]?.toLowerCase() ?? filters.range,
      without: { ...filters, range: '' },
    })
  return found
}

export const rangeWords: Record<string, string> = {
  '15m': 'Last 15 minutes',
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
}

export const rangeShort: Record<string, string> = {
  '15m': '15 min',
  '1h': '1 h',
  '24h': '24 h',
  '7d': '7 d',
  '30d': '30 d',
}
