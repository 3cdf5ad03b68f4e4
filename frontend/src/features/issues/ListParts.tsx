/** What stands in the list beside its rows: the bar for a selection, placeholders, and the words when there is nothing. */
import { Button } from '@/components/Button'
import { Notice, Skeleton } from '@/components/State'
import { count, counted } from '@/lib/numbers'
import type { Action } from './actions'
import { type GroupFilters, narrowing } from './filters'

export function BulkBar({
  count: chosen,
  total,
  onAll,
  onNone,
  onAct,
}: {
  count: number
  total: number
  onAll: () => void
  onNone: () => void
  onAct: (action: Action) => void
}) {
  return (
    <div className="sticky top-0 z-[2] flex flex-wrap items-center gap-[7px] border-line border-b bg-accent-soft px-2.5 py-1.5 text-s">
      <input type="checkbox" aria-label="Clear the selection" checked onChange={onNone} />
      <b className="font-semibold" role="status">
        {chosen} selected
      </b>
      <Button small hotkey="E" onClick={() => onAct('resolve')}>
        Resolve
      </Button>
      <Button small hotkey="I" onClick={() => onAct('ignore')}>
        Ignore
      </Button>
      <Button small hotkey="U" onClick={() => onAct('unresolve')}>
        Reopen
      </Button>
      {chosen < total && (
        <button type="button" className="ml-auto font-medium text-accent" onClick={onAll}>
          Select all {count(total)} loaded
        </button>
      )}
    </div>
  )
}

export function RowSkeletons() {
  return (
    <div role="status" aria-label="Loading issues">
      {Array.from({ length: 12 }, (_, index) => (
        <div
          key={index}
          className="flex h-14 flex-col justify-center gap-1.5 border-line border-b px-10 md:h-[46px] phone:px-4"
        >
          <Skeleton className="h-3 w-1/2" />
          <Skeleton className="h-2.5 w-1/3" />
        </div>
      ))}
    </div>
  )
}

export function Empty({
  filters,
  total,
  onChange,
}: {
  filters: GroupFilters
  total: number | undefined
  onChange: (next: Partial<GroupFilters>) => void
}) {
  const narrow = narrowing(filters)
  if (narrow.length > 0) {
    return (
      <Notice
        title="No issue matches."
        actions={narrow.map(each => (
          <Button key={each.name} onClick={() => onChange(each.without)}>
            Drop {each.name}
          </Button>
        ))}
      >
        Looking for {narrow.map(each => each.name).join(', ')}
        {filters.status === 'unresolved' && total
          ? `. Without that there are ${counted(total, 'open issue')}.`
          : '.'}
      </Notice>
    )
  }
  if (filters.status === 'unresolved') {
    return (
      <Notice
        title="Nothing open."
        actions={<Button onClick={() => onChange({ status: 'resolved' })}>See what was resolved</Button>}
      >
        Every issue of this project is resolved or ignored. New ones appear here by themselves.
      </Notice>
    )
  }
  return (
    <Notice
      title={
        filters.status === 'resolved'
          ? 'Nothing is resolved yet.'
          : filters.status === 'ignored'
            ? 'Nothing is ignored.'
            : 'No issues yet.'
      }
      actions={<Button onClick={() => onChange({ status: 'unresolved' })}>See open issues</Button>}
    />
  )
}
