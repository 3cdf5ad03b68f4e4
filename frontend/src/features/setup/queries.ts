/** What set-up asks for while it waits: the newest issue, and what the edge saw. */
import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/api/client'

export const newestQuery = (slug: string) =>
  queryOptions({
    queryKey: ['newest', slug],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/groups/', {
          params: { query: { project: slug, limit: 1, sort: 'last_seen' } },
          signal,
        }),
      ),
    // The stream tells at once; this is for when it is cut.
    refetchInterval: 3000,
    staleTime: 0,
  })

export const intakeQuery = (slug: string) =>
  queryOptions({
    queryKey: ['intake', slug],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/projects/{slug}/intake/', { params: { path: { slug } }, signal })),
    refetchInterval: 5000,
    staleTime: 0,
    retry: 1,
  })
