/** What jsdom lacks and the components ask for. Tests of pure functions run without a document. */
import { afterEach } from 'vitest'

if (typeof document !== 'undefined') {
  const { cleanup } = await import('@testing-library/react')
  window.matchMedia ??= query =>
    ({
      matches: false,
      media: query,
      addEventListener() {},
      removeEventListener() {},
    }) as unknown as MediaQueryList
  afterEach(() => {
    cleanup()
    localStorage.clear()
  })
}
