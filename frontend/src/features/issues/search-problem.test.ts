// @vitest-environment jsdom
import { expect, it } from 'vitest'
import { ApiError } from '@/api/client'
import { isUnfinished, searchProblem } from './search-problem'

const refused = (sentence: string) => new ApiError(sentence, 400, { q: [sentence] })

it('the word that cannot be read is marked where it stands, and what was meant is offered', () => {
  const text = 'timeout relaese:1.2 staging'
  const sentence =
    "'relaese:1.2' at character 9: there is no key 'relaese'; for a tag of that name write tags[relaese]. Did you mean release:?"
  expect(searchProblem(refused(sentence), text)).toEqual({
    sentence,
    from: 8,
    to: 19,
    instead: 'timeout release:1.2 staging',
  })
})

it('a wrong value is mended in its place, the other values kept', () => {
  const sentence =
    "'is:resolvd,ignored' at character 1: 'resolvd' is not one of open, resolved. Did you mean resolved?"
  expect(searchProblem(refused(sentence), 'is:resolvd,ignored x')?.instead).toBe('is:resolved,ignored x')
})

it('characters are counted as the server counts them, and quoted words are read', () => {
  const problem = searchProblem(refused(`'"it\\'s' at character 4: this quote is not closed.`), `🔥😀 "it's`)
  expect(problem).toMatchObject({ from: 5, to: 10, instead: undefined })
})

it('a sentence without a place marks the whole search', () => {
  expect(searchProblem(refused('This search is too odd.'), 'a b')).toMatchObject({ from: 0, to: 3 })
})

it('other failures are no problem of the search', () => {
  expect(searchProblem(new ApiError('busy', 503), 'a')).toBeUndefined()
  expect(searchProblem(new ApiError('no', 400, { range: ['no'] }), 'a')).toBeUndefined()
  expect(searchProblem(null, 'a')).toBeUndefined()
})

it('half a term is not asked for while it is being typed', () => {
  for (const text of ['level:', 'a !', '(', '"out of', 'level:error,', 'a OR'])
    expect(isUnfinished(text), text).toBe(true)
  for (const text of ['', 'level:error', '"out of memory"', 'FOR', 'a OR b'])
    expect(isUnfinished(text), text).toBe(false)
})
