/** Search, level and sort of the list; environment and range, which follow the user to the issue, in the page head. */
import { Search } from 'lucide-react'
import { type RefObject, useEffect, useRef, useState } from 'react'
import { Button } from '@/components/Button'
import { Pick, PickMany } from '@/components/Pick'
import { Text } from '@/components/Text'
import { levels } from '@/lib/event'
import { cut } from '@/lib/text'
import { type GroupFilters, ranges, rangeWords } from './filters'
import { isUnfinished, type SearchProblem } from './search-problem'

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

export function FilterBar({
  filters,
  onChange,
  boxRef,
  problem,
}: {
  filters: GroupFilters
  onChange: Change
  boxRef: RefObject<HTMLInputElement | null>
  problem: SearchProblem | undefined
}) {
  const mark = useRef<HTMLDivElement>(null)
  const [text, setText] = useState(filters.q)
  useEffect(() => setText(filters.q), [filters.q])
  // Typing replaces the address after a pause; Enter makes it a step that Back undoes.
  useEffect(() => {
    if (text.trim() === filters.q || isUnfinished(text)) return
    const timer = setTimeout(() => onChange({ q: text.trim() }, { replace: true }), 300)
    return () => clearTimeout(timer)
  }, [text, filters.q, onChange])
  return (
    <search className="flex flex-wrap gap-2">
      <form
        className="flex min-w-[12rem] flex-1 items-center phone:basis-full gap-1.5 rounded-m border border-edge bg-surface px-2 focus-within:outline-2 focus-within:outline-accent focus-within:outline-offset-1 has-aria-invalid:border-error"
        onSubmit={event => {
          event.preventDefault()
          onChange({ q: text.trim() })
        }}
      >
        <Search size={14} aria-hidden className="shrink-0 text-ink3" />
        <div className="relative min-w-0 flex-1">
          <input
            ref={boxRef}
            type="search"
            aria-label="Search issues"
            aria-invalid={problem !== undefined}
            aria-describedby={problem && 'search-problem'}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={text}
            onChange={event => setText(event.target.value)}
            onScroll={event => mark.current?.scrollTo({ left: event.currentTarget.scrollLeft })}
            onKeyDown={event => {
              if (event.key === 'Escape') event.currentTarget.blur()
            }}
            placeholder="Words from the message, or release:1.2 user:42 !level:info"
            className="h-7 w-full bg-transparent outline-none phone:h-10"
          />
          {problem && text.trim() === filters.q && <Mark ref={mark} text={text} problem={problem} />}
        </div>
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
      {problem && (
        <p
          id="search-problem"
          role="alert"
          className="flex basis-full flex-wrap items-center gap-2 px-1 text-error text-s"
        >
          <span className="[overflow-wrap:anywhere]">
            <Text>{problem.sentence}</Text>
          </span>
          {problem.instead && (
            <Button small onClick={() => onChange({ q: problem.instead })}>
              Search for <span className="font-mono">{cut(problem.instead, 60)}</span>
            </Button>
          )}
        </p>
      )}
    </search>
  )
}

/** The search once more, unseen but for a line under the word that cannot be read, in the very place of the box's text. */
function Mark({
  text,
  problem,
  ref,
}: {
  text: string
  problem: SearchProblem
  ref: RefObject<HTMLDivElement | null>
}) {
  return (
    <div
      ref={ref}
      aria-hidden
      className="pointer-events-none absolute inset-0 flex items-center overflow-hidden whitespace-pre text-transparent"
    >
      <span>
        {text.slice(0, problem.from)}
        <span className="underline decoration-2 decoration-error decoration-wavy underline-offset-4">
          {text.slice(problem.from, problem.to)}
        </span>
        {text.slice(problem.to)}
      </span>
    </div>
  )
}

export function Scope({
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
        isOn={filters.range !== ''}
        options={rangeOptions}
        onChange={range => onChange({ range: range === 'any' ? '' : range })}
      />
    </>
  )
}
