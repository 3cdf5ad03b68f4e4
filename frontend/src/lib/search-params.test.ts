import { expect, it } from 'vitest'
import { formatSearch, parseSearch } from './search-params'

it('writes searches as people do', () => {
  expect(
    formatSearch({ q: 'release:1.2 timeout', level: ['error', 'fatal'], range: undefined, environment: [] }),
  ).toBe('?q=release:1.2+timeout&level=error&level=fatal')
  expect(formatSearch({})).toBe('')
})

it('reads back what it wrote', () => {
  const search = { q: 'a&b=c "d"', level: ['error', 'fatal'], range: '24h' }
  expect(parseSearch(formatSearch(search))).toEqual(search)
})

it('keeps numbers as the text they are', () => {
  expect(parseSearch('?q=42')).toEqual({ q: '42' })
})
