/** Words and chips that the list and the page share. */
import type { Group } from '@/api/types'
import { StatusWord } from '@/components/Chip'

/** The word for where an issue stands; none for one that simply goes on. */
export function StatusOf({ group }: { group: Pick<Group, 'status' | 'substatus' | 'last_release'> }) {
  if (group.status === 'resolved') return <StatusWord tone="ok">Resolved</StatusWord>
  if (group.status === 'ignored') return <StatusWord tone="quiet">Ignored</StatusWord>
  if (group.substatus === 'regressed') {
    return (
      <StatusWord tone="warning">Regressed{group.last_release ? ` in ${group.last_release}` : ''}</StatusWord>
    )
  }
  if (group.substatus === 'new') return <StatusWord tone="info">New</StatusWord>
  return null
}

/** Type and message of a group; groups of plain messages have no type, only a title. */
export function titleParts(group: Pick<Group, 'type' | 'value' | 'title'>): {
  type: string
  message: string
} {
  if (group.type) return { type: group.type, message: group.value || '' }
  return { type: '', message: group.value || group.title }
}
