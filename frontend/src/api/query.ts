/** The cache of what the server said, and when a failed call is tried again. */
import { QueryClient } from '@tanstack/react-query'
import { ApiError } from './client'

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        gcTime: 10 * 60_000,
        refetchOnWindowFocus: true,
        retry: (failures, error) => failures < 3 && (!(error instanceof ApiError) || error.isPassing),
        retryDelay: attempt => Math.min(1000 * 2 ** attempt, 8000),
      },
      mutations: { retry: false },
    },
  })
}
