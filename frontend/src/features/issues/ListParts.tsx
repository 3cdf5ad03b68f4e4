/** What stands in the list beside its rows: the bar for a selection, placeholders, and the words when there is nothing. */
import { Button, LinkButton } from '@/components/Button'
import { Notice, Skeleton } from '@/components/State'
import { count, counted } from '@/lib/numbers'
import type { Action } from './actions'
import { type GroupFilters, narrowing } from './filters'
import type { Selection } from './selection'

const words: Record<Action, { text: string; hotkey: string }> = {
  resolve: { text: 'Resolve', hotkey: 'E' },
  ignore: { text: 'Ignore', hotkey: 'I' },
  unresolve: { text: 'Reopen', hotkey: 'U' },
}

/** In place of the columns' names while something is selected. All that match is one more step, so that nobody changes
 * issues that they have not seen without having said so. */
export function BulkBar({
  selection,
  loaded,
  hits,
  actions,
  onAct,
}: {
  selection: Selection
  loaded: number
  hits: number
  actions: Action[]
  onAct: (action: Action) => void
}) {
  const { chosen, isMatching } = selection
  const isWhole = chosen.length === loaded
  return (
    <div className="sticky top-0 z-[2] flex flex-wrap items-center gap-[7px] border-line border-b bg-accent-soft px-2.5 py-1.5 text-s">
      <input
        type="checkbox"
        aria-label="Clear the selection"
        checked={isMatching || isWhole}
        ref={box => {
          if (box) box.indeterminate = !isMatching && !isWhole
        }}
        onChange={selection.none}
      />
      <b className="mr-1 font-semibold" role="status">
        {isMatching ? `All ${count(hits)} matching` : count(chosen.length)} selected
      </b>
      {actions.map(action => (
        <Button key={action} small hotkey={words[action].hotkey} onClick={() => onAct(action)}>
          {words[action].text}
        </Button>
      ))}
      <span className="ml-auto flex gap-3 phone:ml-0">
        {isMatching ? (
          <LinkButton onClick={selection.all}>Only the {count(loaded)} loaded</LinkButton>
        ) : isWhole ? (
          hits > loaded && (
            <LinkButton onClick={selection.matching}>Select all {count(hits)} matching</LinkButton>
          )
        ) : (
          <LinkButton onClick={selection.all}>Select all {count(loaded)} loaded</LinkButton>
        )}
      </span>
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
