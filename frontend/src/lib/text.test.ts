import { describe, expect, it } from 'vitest'
import { cut, initials, pieces, slugOf, webAddress } from './text'

const marks = (text: string) => pieces(text).flatMap(piece => piece.mark ?? [])

describe('text of an event', () => {
  it('without hidden characters stays whole', () => {
    expect(pieces('Größe in 東京\n\tOK')).toEqual([{ text: 'Größe in 東京\n\tOK' }])
  })

  it('shows what would reorder it', () => {
    expect(pieces('\u202eexe.evil')).toEqual([{ text: '\u202e', mark: 'RLO' }, { text: 'exe.evil' }])
    expect(marks('a\u2066b\u2069c')).toEqual(['LRI', 'PDI'])
  })

  it('shows every hidden character, however often it is asked', () => {
    const text = 'a\u0000b\u0000c'
    expect(marks(text)).toEqual(['NUL', 'NUL'])
    expect(marks(text)).toEqual(['NUL', 'NUL'])
  })

  it('shows lone surrogates but not pairs', () => {
    expect(marks('x\ud800y')).toEqual(['U+D800'])
    expect(marks('\udc00')).toEqual(['U+DC00'])
    expect(marks('🙂')).toEqual([])
  })

  it('keeps the joiners inside an emoji', () => {
    expect(marks('👩\u200d💻')).toEqual([])
  })
})

describe('a link from data', () => {
  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    ' https://x.test',
    'ftp://x.test',
    '//x.test',
    'https://',
    'vbscript:x',
  ])('is refused for %j', text => {
    expect(webAddress(text)).toBeUndefined()
  })

  it('is made for plain web addresses', () => {
    expect(webAddress('https://x.test/a?b=1')).toBe('https://x.test/a?b=1')
    expect(webAddress('HTTP://x.test')).toBe('http://x.test/')
  })
})

describe('a slug', () => {
  it.each([
    ['Storefront web', 'storefront-web'],
    ['  Café & Bar!! ', 'cafe-bar'],
    ['東京', ''],
    ['x'.repeat(80), 'x'.repeat(50)],
  ])('of %j is %j', (name, slug) => {
    expect(slugOf(name)).toBe(slug)
  })
})

it('is cut without halving a character', () => {
  expect(cut('ab🙂cd', 3)).toBe('ab…')
  expect(cut('short', 10)).toBe('short')
})

it('gives initials of names and mail addresses', () => {
  expect(initials('Mara K.')).toBe('MK')
  expect(initials('jonas.t@x.test')).toBe('JT')
  expect(initials('ops')).toBe('OP')
})
