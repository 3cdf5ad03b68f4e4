/** The four views of the list by status. */
import { classes } from '@/components/classes'
import { count } from '@/lib/numbers'
import type { GroupFilters } from './filters'

const views: { status: GroupFilters['status']; text: string }[] = [
  { status: 'unresolved', text: 'All open' },
  { status: 'resolved', text: 'Resolved' },
  { status: 'ignored', text: 'Ignored' },
  { status: 'all', text: 'All' },
]

export function StatusTabs({
  status,
  open,
  onChange,
}: {
  status: GroupFilters['status']
  open: number | undefined
  onChange: (status: GroupFilters['status']) => void
}) {
  return (
    <nav
      aria-label="Issues by status"
      className="flex items-center gap-0.5 overflow-x-auto border-line border-b bg-surface px-2.5 md:px-3"
    >
      {views.map(view => (
        <button
          key={view.status}
          type="button"
          aria-current={view.status === status ? 'page' : undefined}
          onClick={() => onChange(view.status)}
          className={classes(
            '-mb-px whitespace-nowrap border-b-2 px-2 py-2 -outline-offset-2 phone:py-3',
            view.status === status
              ? 'border-accent font-semibold text-ink'
              : 'border-transparent text-ink2 hover:text-ink',
          )}
        >
          {view.text}
          {view.status === 'unresolved' && open !== undefined && (
            <span className="ml-1 font-medium text-ink3 text-xs">{count(open)}</span>
          )}
        </button>
      ))}
    </nav>
  )
}
