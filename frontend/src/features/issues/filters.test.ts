import * as v from 'valibot'
import { expect, it } from 'vitest'
import { filtersOf, issuesSearch, narrowing, searchOf } from './filters'

it('a wrong value in the address falls back alone', () => {
  const search = v.parse(issuesSearch, {
    status: 'nonsense',
    range: '99y',
    level: 'error',
    q: 'timeout',
    sort: 3,
  })
  expect(filtersOf(search)).toMatchObject({
    status: 'unresolved',
    range: '',
    level: ['error'],
    q: 'timeout',
    sort: 'last_seen',
  })
})

it('lists may be repeated or comma-separated', () => {
  expect(v.parse(issuesSearch, { level: ['error', 'fatal'] }).level).toEqual(['fatal', 'error'])
  expect(v.parse(issuesSearch, { environment: 'production,staging' }).environment).toEqual([
    'production',
    'staging',
  ])
})

it('defaults are left out of the address', () => {
  expect(Object.values(searchOf(filtersOf({}))).filter(value => value !== undefined)).toEqual([])
  expect(searchOf({ ...filtersOf({}), status: 'resolved', q: 'x' })).toMatchObject({
    status: 'resolved',
    q: 'x',
  })
})

it('each narrowing filter can be dropped alone', () => {
  const filters = filtersOf({ q: 'x', environment: ['staging'], range: '24h' })
  const names = narrowing(filters).map(each => each.name)
  expect(names).toEqual(['“x”', 'environment staging', 'last 24 hours'])
  expect(narrowing(filters)[1]?.without).toEqual({ ...filters, environment: [] })
})
