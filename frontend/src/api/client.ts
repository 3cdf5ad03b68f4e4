/** The one way to the API: typed calls, and every failure as an `ApiError` that says what to tell a person. */
import createClient, { type Middleware } from 'openapi-fetch'
import { basePath } from './base'
import type { paths } from './schema'

/** A call that failed. `status` is 0 when the server could not be reached. `fields` are the messages of a form. */
export class ApiError extends Error {
  readonly status: number
  readonly fields: Record<string, string[]>
  readonly requestId: string | undefined

  constructor(message: string, status: number, fields: Record<string, string[]> = {}, requestId?: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.fields = fields
    this.requestId = requestId
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** Django's token against forged requests, when a session exists. */
function csrfToken(): string | undefined {
  return /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1]
}

const manners: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept', 'application/json')
    const token = request.method === 'GET' ? undefined : csrfToken()
    if (token) request.headers.set('X-CSRFToken', token)
    return request
  },
  onError() {
    return new ApiError('The server cannot be reached.', 0)
  },
}

export const api = createClient<paths>({
  baseUrl: window.location.origin + basePath,
  credentials: 'same-origin',
  querySerializer: { array: { style: 'form', explode: true } },
  fetch: request => globalThis.fetch(request),
})
api.use(manners)

type Answered<Data> = { data?: Data; error?: unknown; response: Response }

/** The data of an answer, or an `ApiError` thrown. */
export async function unwrap<Data>(call: Promise<Answered<Data>>): Promise<Data> {
  return (await withResponse(call)).data
}

/** The same, with the response for those who need its headers. */
export async function withResponse<Data>(
  call: Promise<Answered<Data>>,
): Promise<{ data: Data; response: Response }> {
  const { data, error, response } = await call
  if (!response.ok) throw errorFrom(response, error)
  return { data: data as Data, response }
}

function errorFrom(response: Response, body: unknown): ApiError {
  const requestId = response.headers.get('X-Request-Id') ?? undefined
  if (body && typeof body === 'object') {
    const { detail, ...rest } = body as Record<string, unknown>
    const fields: Record<string, string[]> = {}
    for (const [name, messages] of Object.entries(rest)) {
      if (Array.isArray(messages)) fields[name] = messages.map(String)
    }
    const first =
      typeof detail === 'string' ? detail : (fields.non_field_errors?.[0] ?? Object.values(fields)[0]?.[0])
    if (first) return new ApiError(first, response.status, fields, requestId)
  }
  return new ApiError(`The server answered ${response.status}.`, response.status, {}, requestId)
}

/** The cursor of the next page from a `Link` header, or undefined on the last page. */
export function nextCursor(link: string | null): string | undefined {
  for (const part of (link ?? '').split(/,\s*(?=<)/)) {
    if (/rel="next"/.test(part) && !/results="false"/.test(part)) return /cursor="([^"]*)"/.exec(part)?.[1]
  }
  return undefined
}
