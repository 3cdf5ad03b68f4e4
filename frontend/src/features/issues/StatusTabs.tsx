/** The four views of the list by status. */
import { Tabs } from '@/components/Tabs'
import { count } from '@/lib/numbers'
import type { GroupFilters } from './filters'

type Status = GroupFilters['status']

const views: { value: Status; text: string }[] = [
  { value: 'unresolved', text: 'All open' },
  { value: 'resolved', text: 'Resolved' },
  { value: 'ignored', text: 'Ignored' },
  { value: 'all', text: 'All' },
]

export function StatusTabs({
  status,
  open,
  onChange,
}: {
  status: Status
  open: number | undefined
  onChange: (status: Status) => void
}) {
  return (
    <Tabs
      label="Issues by status"
      className="bg-surface"
      value={status}
      options={views.map(view => ({
        ...view,
        amount: view.value === 'unresolved' && open !== undefined ? count(open) : undefined,
      }))}
      onChange={onChange}
    />
  )
}
