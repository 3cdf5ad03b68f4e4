/** Projects, which every page needs. */
import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from './client'

export const projectsQuery = queryOptions({
  queryKey: ['projects'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/projects/', { signal })),
})

export const projectQuery = (slug: string) =>
  queryOptions({
    queryKey: ['projects', slug],
    queryFn: ({ signal }) => unwrap(api.GET('/api/projects/{slug}/', { params: { path: { slug } }, signal })),
  })
