/** The list's rows in the window: which are drawn, which one the keys stand on. */
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type RefObject, useEffect, useLayoutEffect, useState } from 'react'

export function useRows(
  ref: RefObject<HTMLDivElement | null>,
  total: number,
  current: number | undefined,
  setCurrent: (index: number) => void,
) {
  const [margin, setMargin] = useState(0)
  const isPhone = useIsPhone()
  // The rows move down when a notice appears above them.
  useLayoutEffect(() => {
    const top = ref.current ? ref.current.getBoundingClientRect().top + window.scrollY : 0
    if (Math.abs(top - margin) > 1) setMargin(top)
  })
  const virtualizer = useWindowVirtualizer({
    count: total,
    estimateSize: () => (isPhone ? 56 : 46),
    overscan: 8,
    scrollMargin: margin,
    scrollPaddingEnd: 60,
    scrollPaddingStart: 60,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height of all rows changes with the width
  useEffect(() => virtualizer.measure(), [isPhone])

  function move(step: number) {
    if (total === 0) return
    const next = Math.max(0, Math.min(total - 1, current === undefined ? 0 : current + step))
    setCurrent(next)
    virtualizer.scrollToIndex(next, { align: 'auto' })
    requestAnimationFrame(() =>
      ref.current?.querySelector<HTMLElement>(`[data-row="${next}"] a`)?.focus({ preventScroll: true }),
    )
  }
  return { virtualizer, move }
}

function useIsPhone(): boolean {
  const [isPhone, setIsPhone] = useState(() => window.matchMedia('(width < 48rem)').matches)
  useEffect(() => {
    const query = window.matchMedia('(width < 48rem)')
    const onChange = () => setIsPhone(query.matches)
    query.addEventListener('change', onChange)
    return () => query.removeEventListener('change', onChange)
  }, [])
  return isPhone
}
