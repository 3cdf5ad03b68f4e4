// @vitest-environment jsdom
import { expect, it, vi } from 'vitest'
import { ApiError, api, nextCursor, unwrap } from './client'

function answering(status: number, body: unknown, headers: Record<string, string> = {}) {
  const fetch = vi.fn(
    async (_request: Request) =>
      new Response(JSON.stringify(body), {
        status,
        headers: { 'Content-Type': 'application/json', ...headers },
      }),
  )
  vi.stubGlobal('fetch', fetch)
  return fetch
}

it('finds the next cursor in a Link header', () => {
  const link =
    '<https://x.test/api/groups/?cursor=a,b>; rel="previous"; results="true"; cursor="p", <https://x.test/api/groups/?cursor=n>; rel="next"; results="true"; cursor="n:1,2"'
  expect(nextCursor(link)).toBe('n:1,2')
  expect(nextCursor('<https://x.test/>; rel="next"; results="false"; cursor="n"')).toBeUndefined()
  expect(nextCursor(null)).toBeUndefined()
})

it('repeats lists in the query', async () => {
  const fetch = answering(200, [])
  await unwrap(api.GET('/api/groups/', { params: { query: { project: 'web', level: ['error', 'fatal'] } } }))
  expect(fetch.mock.calls[0]?.[0].url).toMatch(/\/api\/groups\/\?project=web&level=error&level=fatal$/)
})

it('turns a detail into the words of an error', async () => {
  answering(404, { detail: 'Not found.' }, { 'X-Request-Id': 'r1' })
  const error = await unwrap(api.GET('/api/projects/')).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toMatchObject({ message: 'Not found.', status: 404, requestId: 'r1', isPassing: false })
})

it('keeps the messages of a form by field', async () => {
  answering(400, { slug: ['Taken.'], name: ['Too long.'] })
  const error = await unwrap(api.POST('/api/projects/', { body: { name: 'x', slug: 'x' } })).catch(
    (caught: unknown) => caught,
  )
  expect(error).toMatchObject({ message: 'Taken.', fields: { slug: ['Taken.'], name: ['Too long.'] } })
})

it('says so when the server cannot be reached', async () => {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('Failed to fetch')
  })
  const error = await unwrap(api.GET('/api/projects/')).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ status: 0, isPassing: true })
})
