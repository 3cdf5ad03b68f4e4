/** Four facts, each with its scope: how many, how many users, since when, until when. */
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Group } from '@/api/types'
import { Text } from '@/components/Text'
import { Absolute, Age } from '@/components/Time'
import { count } from '@/lib/numbers'
import { statsQuery } from './queries'

export function Facts({ group, slug, environment }: { group: Group; slug: string; environment: string[] }) {
  const stats = useQuery(statsQuery(slug, [group.id], '24h', environment))
  const day = stats.data?.[group.id]
  const where = environment.length > 0 ? ` in ${environment.join(', ')}` : ''
  return (
    <dl className="grid grid-cols-2 border-line border-y bg-surface md:grid-cols-4">
      <Fact name="Events" value={count(group.count)}>
        {day ? `${count(day.count)} in 24 h${where}` : 'since it was first seen'}
      </Fact>
      <Fact name="Users in 24 h" value={day ? (day.users ? count(day.users) : '—') : '—'}>
        {day
          ? day.users
            ? `distinct${where}`
            : 'events name no user'
          : stats.isPending
            ? 'counting…'
            : 'not known at the moment'}
      </Fact>
      <Fact name="First seen" value={<Age time={group.first_seen} long />}>
        <Absolute time={group.first_seen} />
        <Release version={group.first_release} />
      </Fact>
      <Fact name="Last seen" value={<Age time={group.last_seen} long />}>
        <Absolute time={group.last_seen} />
        <Release version={group.last_release} />
      </Fact>
    </dl>
  )
}

/** On a line of its own: a commit as a release would leave no room for the date. */
function Release({ version }: { version: string | null }) {
  if (!version) return null
  return (
    <div className="truncate" title={`Release ${version}`}>
      <Text>{version}</Text>
    </div>
  )
}

function Fact({ name, value, children }: { name: string; value: ReactNode; children: ReactNode }) {
  return (
    <div className="min-w-0 border-line px-2.5 py-[7px] odd:border-r md:px-4 md:not-last:border-r phone:not-[:nth-last-child(-n+2)]:border-b">
      <dt className="text-ink3 text-xs">{name}</dt>
      <dd>
        <div className="font-[620] text-l/[1.35]">{value}</div>
        <div className="truncate text-ink2 text-xs phone:whitespace-normal">{children}</div>
      </dd>
    </div>
  )
}
