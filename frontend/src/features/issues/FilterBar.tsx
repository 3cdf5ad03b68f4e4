/** Search, level and sort of the list; environment and range, which follow the user to the issue, in the page head. */
import { Search } from 'lucide-react'
import { type RefObject, useEffect, useState } from 'react'
import { Pick, PickMany } from '@/components/Pick'
import { levels } from '@/lib/event'
import { type GroupFilters, ranges, rangeWords } from './filters'

type Change = (next: Partial<GroupFilters>, options?: { replace?: boolean }) => void

const levelOptions = levels.map(level => ({ value: level, label: level }))
const sortOptions = [
  { value: 'last_seen', label: 'Last seen' },
  { value: 'first_seen', label: 'First seen' },
  { value: 'count', label: 'Events' },
]
const rangeOptions = [
  { value: 'any', label: 'Any time' },
  ...ranges.map(range => ({ value: range, label: rangeWords[range] ?? range })),
]

function FilterBarBase({
  filters,
  onChange,
  boxRef,
}: {
  filters: GroupFilters
  onChange: Change
  boxRef: RefObject<HTMLInputElement | null>
}) {
  const [text, setText] = useState(filters.q)
  useEffect(() => setText(filters.q), [filters.q])
  // Typing replaces the address after a pause; Enter makes it a step that Back undoes.
  useEffect(() => {
    if (text.trim() === filters.q) return
    const timer = setTimeout(() => onChange({ q: text.trim() }, { replace: true }), 300)
    return () => clearTimeout(timer)
  }, [text, filters.q, onChange])
  return (
    <search className="flex flex-wrap gap-2">
      <form
        className="flex min-w-[12rem] flex-1 items-center phone:basis-full gap-1.5 rounded-m border border-edge bg-surface px-2 focus-within:outline-2 focus-within:outline-accent focus-within:outline-offset-1"
        onSubmit={event => {
          event.preventDefault()
          onChange({ q: text.trim() })
        }}
      >
        <Search size={14} aria-hidden className="shrink-0 text-ink3" />
        <input
          ref={boxRef}
          type="search"
          aria-label="Search issues"
          value={text}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape') event.currentTarget.blur()
          }}
          placeholder="Words from the message, or release:1.2 user:42 !level:info"
          className="h-7 min-w-0 flex-1 bg-transparent outline-none phone:h-10"
        />
        <kbd className="kbd phone:hidden" aria-hidden>
          /
        </kbd>
      </form>
      <PickMany
        label="Level"
        all="All levels"
        values={filters.level}
        options={levelOptions}
        onChange={chosen => onChange({ level: levels.filter(level => chosen.includes(level)) })}
      />
      <Pick
        label="Sort"
        prefix="Sort:"
        value={filters.sort}
        options={sortOptions}
        onChange={sort => onChange({ sort: sort as GroupFilters['sort'] })}
      />
    </search>
  )
}

function Scope({
  filters,
  environments,
  onChange,
}: {
  filters: GroupFilters
  environments: string[]
  onChange: Change
}) {
  return (
    <>
      <PickMany
        label="Environment"
        all="All environments"
        values={filters.environment}
        options={environments.filter(Boolean).map(name => ({ value: name, label: name }))}
        onChange={environment => onChange({ environment })}
      />
      <Pick
        label="Time range"
        value={filters.range || 'any'}
        options={rangeOptions}
        onChange={range => onChange({ range: range === 'any' ? '' : range })}
      />
    </>
  )
}

export const FilterBar = Object.assign(FilterBarBase, { Scope })
