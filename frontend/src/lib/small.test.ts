import { describe, expect, it } from 'vitest'
import { kindOf as crumbKind, filledKinds, summaryOf } from './breadcrumbs'
import { bars, tailStart } from './chart'
import { languageOf } from './code-language'
import { linesOf } from './highlight'
import { compact, counted, percent } from './numbers'
import { kindOf, pairsOf, textOf } from './value'

describe('numbers', () => {
  it('are grouped, and compact when long', () => {
    expect(compact(99_999)).toBe('99,999')
    expect(compact(128_907)).toBe('128.9K')
  })

  it('agree with their word', () => {
    expect(counted(1, 'event')).toBe('1 event')
    expect(counted(1284, 'event')).toBe('1,284 events')
    expect(counted(2, 'hash', 'hashes')).toBe('2 hashes')
  })

  it('never round a share to none or to all', () => {
    expect(percent(0.001)).toBe('<1 %')
    expect(percent(0.999)).toBe('>99 %')
    expect(percent(1)).toBe('100 %')
    expect(percent(0)).toBe('0 %')
  })
})

describe('values', () => {
  it.each([
    ['None', 'nothing'],
    [null, 'nothing'],
    ['undefined', 'nothing'],
    ['118.40', 'number'],
    [true, 'boolean'],
    [{ a: 1 }, 'structure'],
    ['[Filtered]', 'removed'],
    ['4.8.1', 'string'],
  ])('%j is %s', (value, kind) => {
    expect(kindOf(value)).toBe(kind)
  })

  it('say when they were scrubbed, and survive what JSON cannot', () => {
    expect(textOf('[Filtered]')).toBe('removed by privacy rules')
    const round: Record<string, unknown> = {}
    round.self = round
    expect(textOf(round)).toBe('[object Object]')
  })

  it('come as pairs from maps and from lists, repeated names kept', () => {
    expect(pairsOf({ a: 1 })).toEqual([['a', 1]])
    expect(
      pairsOf([
        ['h', '1'],
        ['h', '2'],
      ]),
    ).toHaveLength(2)
    expect(pairsOf('text')).toEqual([])
  })
})

describe('breadcrumbs', () => {
  it('of a request read as method, address and result', () => {
    const crumb = {
      category: 'fetch',
      data: { method: 'GET', url: '/api', status_code: 404, duration_ms: 61.2 },
    }
    expect(summaryOf(crumb)).toEqual({ text: 'GET /api', result: '404 · 61 ms', isBad: true })
  })

  it('of a navigation read as from and to', () => {
    expect(summaryOf({ category: 'navigation', data: { from: '/a', to: '/b' } }).text).toBe('/a → /b')
  })

  it('are sorted into kinds, empty ones left out', () => {
    expect(crumbKind({ category: 'ui.click' })).toBe('clicks')
    expect(crumbKind({ type: 'http', category: 'x' })).toBe('network')
    expect(filledKinds([{ category: 'console' }, { category: 'console' }])).toEqual([
      { kind: 'console', amount: 2 },
    ])
  })
})

describe('charts', () => {
  it('scale to the tallest bar and keep small ones visible', () => {
    const [none, small, tall] = bars([0, 1, 100], { width: 30, height: 20, gap: 1, minimum: 2 })
    expect(none?.height).toBe(0)
    expect(small?.height).toBe(2)
    expect(tall).toEqual({ x: 20, y: 0, width: 9, height: 20 })
  })

  it('colour a tail only when it departs from the usual', () => {
    const usual = Array.from({ length: 22 }, () => 5)
    expect(tailStart([...usual, 40, 50])).toBe(22)
    expect(tailStart([...usual, 5, 6])).toBe(24)
    expect(tailStart([...usual, 50, 5])).toBe(22)
  })
})

it('picks a grammar by file name before platform', () => {
  expect(languageOf('src/a.tsx', 'python')).toBe('typescript')
  expect(languageOf('https://x.test/a.js?v=1', null)).toBe('javascript')
  expect(languageOf('<stdin>', 'python')).toBe('python')
  expect(languageOf('README', 'other')).toBeUndefined()
})

it('colours each line of a span that goes over several', () => {
  const tree = {
    type: 'root',
    children: [
      {
        type: 'element',
        properties: { className: ['hljs-string'] },
        children: [{ type: 'text', value: 'a\nb' }],
      },
      { type: 'text', value: ' c' },
    ],
  }
  expect(linesOf(tree, 3)).toEqual([
    [{ text: 'a', className: 'hljs-string' }],
    [{ text: 'b', className: 'hljs-string' }, { text: ' c' }],
    [],
  ])
})
