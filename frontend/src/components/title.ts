/** The window's title, from what a page says of itself. */
import { useEffect } from 'react'

/** `Issues · storefront-web · Mini Sentry`; parts that are not known yet are left out. */
export function useTitle(...parts: (string | undefined)[]): void {
  const title = [...parts, 'Mini Sentry'].filter(Boolean).join(' · ')
  useEffect(() => {
    document.title = title
  }, [title])
}
