/** Beside the event: what the events have in common, and this event's essentials. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { EventDetail, Group } from '@/api/types'
import { LinkButton } from '@/components/Button'
import { ShareBar } from '@/components/Charts'
import { Panel } from '@/components/Panel'
import { Text } from '@/components/Text'
import { count, counted, percent } from '@/lib/numbers'
import { cut } from '@/lib/text'
import { termOf } from './DataPanels'
import { tagsQuery } from './queries'

const shownKeys = 12

/** Absent while the columns are away, or when nothing is tagged. */
export function TagSharesPanel({ group }: { group: Group }) {
  const navigate = useNavigate()
  const tags = useQuery(tagsQuery(group.id))
  const [isWhole, setWhole] = useState(false)
  const rows = (tags.data ?? []).filter(tag => tag.values.length > 0)
  if (rows.length === 0) return null
  const most = Math.max(...rows.map(tag => tag.total))
  return (
    <Panel title="Tag shares" note={`of ${counted(most, 'event')}`}>
      <ul>
        {rows.slice(0, isWhole ? undefined : shownKeys).map(tag => {
          const [top] = tag.values
          if (!top) return null
          return (
            <li key={tag.key} className="border-line border-b last:border-0">
              <button
                type="button"
                title={tag.values
                  .map(each => `${each.value || '(empty)'}: ${count(each.count)} (${percent(each.share)})`)
                  .join('\n')}
                onClick={() =>
                  void navigate({
                    to: '/p/$project/issues',
                    params: before => ({ project: before.project ?? '' }),
                    search: { q: termOf({ key: tag.key, value: top.value }), status: 'all' },
                  })
                }
                className="grid min-h-[27px] w-full grid-cols-[minmax(5.5rem,auto)_2.75rem_minmax(0,1fr)_2.5rem] items-center gap-2 px-2.5 py-[3px] text-left text-s/[1.3] -outline-offset-2 hover:bg-sunk phone:min-h-11"
              >
                <span className="max-w-32 text-ink2 [overflow-wrap:anywhere]">
                  <Text>{cut(tag.key, 60)}</Text>
                </span>
                <ShareBar shares={tag.values.map(each => each.share)} />
                <span className="line-clamp-2 font-medium [overflow-wrap:anywhere]">
                  <Text>{cut(top.value || '(empty)', 200)}</Text>
                </span>
                <span className="whitespace-nowrap text-right text-ink3">{percent(top.share)}</span>
              </button>
            </li>
          )
        })}
      </ul>
      {rows.length > shownKeys && !isWhole && (
        <LinkButton className="px-2.5 py-1.5" onClick={() => setWhole(true)}>
          {counted(rows.length - shownKeys, 'more tag')}
        </LinkButton>
      )}
    </Panel>
  )
}

export function EssentialsPanel({ event }: { event: EventDetail }) {
  const { normalized, user } = event
  const tag = (key: string) => event.tag_list.find(each => each.key === key)?.value
  const who = text(user?.username || user?.email || user?.id || user?.ip_address)
  const contexts = normalized.contexts ?? {}
  const named = (name: string) => [contexts[name]?.name, contexts[name]?.version].filter(Boolean).join(' ')
  const rows: [string, ReactNode][] = [
    ['User', who && <Text>{who}</Text>],
    ['Release', event.release_version && <Text>{event.release_version}</Text>],
    ['Environment', event.environment && <Text>{event.environment}</Text>],
    [
      'URL',
      normalized.request?.url && (
        <span className="font-mono text-xs">
          <Text>{normalized.request.url}</Text>
        </span>
      ),
    ],
    ['Browser', named('browser') && <Text>{named('browser')}</Text>],
    ['OS', named('os') && <Text>{named('os')}</Text>],
    ['Runtime', named('runtime') && <Text>{named('runtime')}</Text>],
    ['Server', tag('server_name') && <Text>{tag('server_name')}</Text>],
    [
      'Trace',
      event.trace_id && (
        <span className="font-mono text-xs">
          <Text>{event.trace_id}</Text>
        </span>
      ),
    ],
    [
      'SDK',
      normalized.sdk?.name && (
        <Text>{[normalized.sdk.name, normalized.sdk.version].filter(Boolean).join(' ')}</Text>
      ),
    ],
  ]
  const filled = rows.filter(([, value]) => value)
  if (filled.length === 0) return null
  return (
    <Panel title="This event">
      <dl className="grid grid-cols-[80px_minmax(0,1fr)] gap-x-2 gap-y-[3px] px-2.5 py-2 text-s">
        {filled.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink2">{name}</dt>
            <dd className="[overflow-wrap:anywhere]">{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  )
}

function text(value: unknown): string {
  return value === null || value === undefined || typeof value === 'object' ? '' : String(value)
}
