/** Keyboard: pages say which keys do what, one listener calls them, and `?` lists them. */
import { lazy, Suspense, useEffect, useRef, useState } from 'react'

export type Key = { key: string; does: string; run: () => void }

type Entry = { current: Key[] }

const KeyList = lazy(() => import('./KeyList').then(module => ({ default: module.KeyList })))

const entries = new Set<Entry>()

/** Keys of a page or part, for as long as it is mounted. The latest part to name a key has it. */
export function useKeys(keys: Key[]): void {
  const entry = useRef(keys)
  useEffect(() => {
    entry.current = keys
  })
  useEffect(() => {
    entries.add(entry)
    return () => {
      entries.delete(entry)
    }
  }, [])
}

/** Whether the key belongs to something one types into or to a part that uses keys itself. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true
  const target = event.target
  if (!(target instanceof HTMLElement)) return false
  if (
    target.closest(
      'input:not([type=checkbox]), textarea, select, [contenteditable], [role=listbox], [role=menu], [role=dialog]',
    )
  )
    return true
  // Enter and Space press the button or follow the link that has the focus.
  return (event.key === 'Enter' || event.key === ' ') && target.closest('a, button, summary, input') !== null
}

function known(): Key[] {
  return [...entries].reverse().flatMap(entry => entry.current)
}

export function nameOf(key: string): string {
  return { ' ': 'Space', Escape: 'Esc', Enter: '↵' }[key] ?? (key.length === 1 ? key.toUpperCase() : key)
}

/** Listens for the keys of all mounted parts and shows the list of them on `?`. */
export function Keys() {
  const [shown, setShown] = useState<Key[]>()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTaken(event)) return
      if (event.key === '?') {
        event.preventDefault()
        setShown(known())
        return
      }
      const match = known().find(each => each.key === event.key)
      if (match) {
        event.preventDefault()
        match.run()
      }
    }
    const onAsk = () => setShown(known())
    document.addEventListener('keydown', onKey)
    document.addEventListener('show-keys', onAsk)
    return () => {
      document.removeEventListener('keydown', onKey)
      document.removeEventListener('show-keys', onAsk)
    }
  }, [])
  if (!shown) return null
  return (
    <Suspense>
      <KeyList keys={shown} onClose={() => setShown(undefined)} />
    </Suspense>
  )
}

/** Opens the list of keys, for a button. */
export function showKeys(): void {
  document.dispatchEvent(new Event('show-keys'))
}
