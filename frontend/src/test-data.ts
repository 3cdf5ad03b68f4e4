/** Objects of the API for tests, with what a test does not care about filled in. */
import type { EventDetail, Group } from '@/api/types'

export function makeGroup(parts: Partial<Group>): Group {
  return {
    id: 1,
    project: 1,
    title: 'TypeError: it broke',
    level: 'error',
    count: 5,
    first_seen: '2026-11-20T10:00:00Z',
    last_seen: '2026-11-23T15:00:00Z',
    status: 'unresolved',
    resolved_at: null,
    assignee: '',
    is_bookmarked: false,
    short_id: 'WEB-1',
    stored_count: 5,
    type: 'TypeError',
    value: 'it broke',
    culprit: 'formatTotal(src/cart.ts)',
    platform: 'javascript',
    handled: null,
    environments: ['production'],
    substatus: 'ongoing',
    first_release: null,
    last_release: null,
    hash_count: 1,
    grouping: 'v1',
    ...parts,
  }
}

export function makeEvent(parts: Partial<EventDetail>): EventDetail {
  const id = 'c9d1e07ac9d1e07ac9d1e07ac9d1e07a'
  return {
    id,
    event_id: id,
    project: 1,
    group: 1,
    message: 'it broke',
    level: 'error',
    payload: {},
    received_at: '2026-11-23T15:00:01Z',
    timestamp: '2026-11-23T15:00:00Z',
    release: null,
    environment: 'production',
    tags: [],
    stack: null,
    symbolicated: {},
    title: 'TypeError: it broke',
    culprit: '',
    type: 'TypeError',
    platform: 'javascript',
    dist: null,
    handled: null,
    tag_list: [],
    user: null,
    normalized: {},
    grouping: { config: 'v1', hashes: [], explanation: [] },
    neighbours: { previous: null, next: null, first: id, latest: id },
    position: 1,
    stored: 1,
    counted: 1,
    ...parts,
  }
}
