// @vitest-environment jsdom
import { QueryClient } from '@tanstack/react-query'
import { expect, it } from 'vitest'
import type { Group, GroupStats, LiveBatch } from '@/api/types'
import { makeGroup } from '@/test-data'
import { afterAction, allowed, offered, statusesBefore } from './actions'
import { filtersOf } from './filters'
import { applyBatch, groupQuery, groupsQuery, neighboursInList, rememberList } from './queries'

const filters = filtersOf({})

function cacheOf(...groups: Group[]) {
  const client = new QueryClient()
  client.setQueryData(groupsQuery('web', filters).queryKey, {
    pages: [{ groups, cursor: undefined, hits: 9 }],
    pageParams: [undefined],
  })
  const shown = () => client.getQueryData(groupsQuery('web', filters).queryKey)?.pages[0]?.groups ?? []
  return { client, shown }
}

function batch(...groups: Partial<LiveBatch['groups'][number]>[]): LiveBatch {
  return {
    project: 1,
    slug: 'web',
    events: 1,
    latest: [],
    groups: groups.map(group => ({
      id: 1,
      short_id: 'WEB-1',
      count: 1,
      last_seen: '2026-11-23T16:00:00Z',
      title: 't',
      level: 'error',
      kind: 'again',
      ...group,
    })),
  }
}

it('a live batch raises counts in place and keeps the order', () => {
  const { client, shown } = cacheOf(makeGroup({ id: 1, count: 5 }), makeGroup({ id: 2, count: 7 }))
  expect(applyBatch(client, batch({ id: 2, count: 9 }))).toEqual([])
  expect(shown().map(group => [group.id, group.count])).toEqual([
    [1, 5],
    [2, 9],
  ])
})

it('a batch that comes twice changes nothing the second time', () => {
  const { client, shown } = cacheOf(makeGroup({ id: 1, count: 5 }))
  applyBatch(client, batch({ count: 6 }))
  const before = shown()
  applyBatch(client, batch({ count: 6 }))
  expect(shown()).toBe(before)
})

it('a batch adds to the newest bar of the trend what the count rose by', () => {
  const { client } = cacheOf(makeGroup({ id: 1, count: 5 }))
  const key = ['stats', 'web', '24h', [], [1]]
  client.setQueryData<GroupStats>(key, { 1: { trend: [1, 2], users: 1, count: 3 } })
  applyBatch(client, batch({ count: 8 }))
  expect(client.getQueryData<GroupStats>(key)?.[1]).toEqual({ trend: [1, 5], users: 1, count: 6 })
})

it('new and returning issues that no list holds are given back to be announced', () => {
  const { client } = cacheOf(makeGroup({ id: 1 }))
  const unknown = applyBatch(client, batch({ id: 3, kind: 'new' }))
  expect(unknown.map(group => group.id)).toEqual([3])
  expect(applyBatch(client, batch({ id: 4, kind: 'again' }))).toEqual([])
})

it('a resolved issue that occurs again is open and regressed at once', () => {
  const { client } = cacheOf()
  client.setQueryData(groupQuery('WEB-1').queryKey, makeGroup({ id: 1, status: 'resolved', substatus: null }))
  applyBatch(client, batch({ id: 1, count: 99, kind: 'regression' }))
  expect(client.getQueryData(groupQuery('WEB-1').queryKey)).toMatchObject({
    status: 'unresolved',
    substatus: 'regressed',
  })
})

it('the issue page goes on in the order of the list it was opened from', () => {
  const { client } = cacheOf(
    makeGroup({ id: 1, short_id: 'WEB-1' }),
    makeGroup({ id: 2, short_id: 'WEB-2' }),
    makeGroup({ id: 3, short_id: 'WEB-3' }),
  )
  rememberList('web', filters)
  expect(neighboursInList(client, 'web', 'WEB-2')).toMatchObject({
    position: 2,
    total: 9,
    previous: { id: 1 },
    next: { id: 3 },
  })
  expect(neighboursInList(client, 'other', 'WEB-2')).toBeUndefined()
})

it('each state allows what makes sense of it', () => {
  expect(allowed('unresolved')).toEqual(['resolve', 'ignore'])
  expect(allowed('resolved')).toEqual(['unresolve'])
  expect(allowed('ignored')).toEqual(['unresolve', 'resolve'])
})

it('resolving notes when, reopening forgets it', () => {
  const resolved = afterAction(makeGroup({}), 'resolve', '2026-12-23T16:00:00Z')
  expect(resolved).toMatchObject({ status: 'resolved', resolved_at: '2026-12-23T16:00:00Z', substatus: null })
  expect(afterAction(resolved, 'unresolve', '2026-12-23T16:00:01Z')).toMatchObject({
    status: 'unresolved',
    resolved_at: null,
    substatus: 'ongoing',
  })
})

it('an issue that was new when it was resolved is new again when that is undone', () => {
  const group = makeGroup({ substatus: 'new', first_seen: '2026-11-20T10:00:00Z' })
  const resolved = afterAction(group, 'resolve', '2026-11-23T16:00:00Z')
  expect(afterAction(resolved, 'unresolve', '2026-11-23T16:00:05Z').substatus).toBe('new')
})

it('an action changes what a list shows of other statuses', () => {
  expect(statusesBefore('resolve', 'unresolved')).toEqual(['unresolved'])
  expect(statusesBefore('resolve', 'all')).toEqual(['unresolved', 'ignored'])
  expect(statusesBefore('resolve', 'resolved')).toEqual([])
})

it('a selection is offered only what changes something', () => {
  expect(offered([makeGroup({ status: 'unresolved' })], 'all')).toEqual(['resolve', 'ignore'])
  expect(offered([makeGroup({ status: 'ignored' })], 'ignored')).toEqual(['resolve', 'unresolve'])
  expect(offered(undefined, 'resolved')).toEqual(['ignore', 'unresolve'])
})
