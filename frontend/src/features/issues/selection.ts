/** Which rows of the list are selected: some of the loaded ones, or all that match, loaded or not. */
import { useCallback, useRef, useState } from 'react'
import type { Group } from '@/api/types'

const nothing: ReadonlySet<number> = new Set()

export type Selection = ReturnType<typeof useSelection>

export function useSelection(groups: Group[]) {
  const [selected, setSelected] = useState(nothing)
  const [isMatching, setMatching] = useState(false)
  const last = useRef<number>(undefined)

  /** Selects a row or not; with Shift, all rows from the last one chosen to it. Ends the selection of all that match. */
  const choose = useCallback(
    (group: Group, isSelected: boolean, withShift: boolean) => {
      setSelected(before => {
        const next = new Set(before)
        const index = groups.findIndex(each => each.id === group.id)
        const from = withShift && last.current !== undefined ? last.current : index
        for (const each of groups.slice(Math.min(from, index), Math.max(from, index) + 1)) {
          if (isSelected) next.add(each.id)
          else next.delete(each.id)
        }
        last.current = index
        return next
      })
      setMatching(false)
    },
    [groups],
  )
  const all = useCallback(() => {
    setSelected(new Set(groups.map(group => group.id)))
    setMatching(false)
  }, [groups])
  const none = useCallback(() => {
    setSelected(nothing)
    setMatching(false)
  }, [])
  const matching = useCallback(() => setMatching(true), [])
  return {
    chosen: isMatching ? groups : groups.filter(group => selected.has(group.id)),
    has: (group: Group) => isMatching || selected.has(group.id),
    isMatching,
    choose,
    all,
    none,
    matching,
  }
}
