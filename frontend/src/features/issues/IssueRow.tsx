/** One issue in the list: two lines, told apart from its neighbours without opening it. */
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { Group, GroupStats } from '@/api/types'
import { Sparkline } from '@/components/Charts'
import { Chip } from '@/components/Chip'
import { classes } from '@/components/classes'
import { LevelGlyph } from '@/components/Level'
import { Text } from '@/components/Text'
import { Age } from '@/components/Time'
import { compact, count, counted } from '@/lib/numbers'
import { cut, initials } from '@/lib/text'
import { StatusOf, titleParts } from './words'

export const columns =
  'grid items-center gap-2.5 px-2.5 grid-cols-[minmax(0,1fr)_3rem_2.75rem] md:grid-cols-[18px_minmax(0,1fr)_3.75rem_3.25rem_3.25rem] lg:grid-cols-[18px_minmax(0,1fr)_108px_3.75rem_3.25rem_3.25rem_2.5rem]'

type Props = {
  group: Group
  slug: string
  index: number
  stats: GroupStats[string] | undefined
  scope: string
  counts: number
  environment: string[]
  isSelected: boolean
  isCurrent: boolean
  isLeaving: boolean
  onSelect: (group: Group, isSelected: boolean, withShift: boolean) => void
  onFocus: (index: number) => void
  onIntent: (group: Group) => void
}

export const IssueRow = memo(function IssueRow({
  group,
  slug,
  index,
  stats,
  scope,
  counts,
  environment,
  isSelected,
  isCurrent,
  isLeaving,
  onSelect,
  onFocus,
  onIntent,
}: Props) {
  const { type, message } = titleParts(group)
  const names = group.environments.filter(Boolean)
  return (
    <div
      data-row={index}
      onFocusCapture={() => onFocus(index)}
      onPointerEnter={() => onIntent(group)}
      className={classes(
        columns,
        'relative h-14 border-line border-b md:h-[46px]',
        isCurrent || isSelected ? 'bg-accent-soft' : 'hover:bg-sunk',
        isCurrent && 'shadow-[inset_2px_0_var(--accent)]',
        isLeaving && 'opacity-55',
      )}
    >
      <input
        type="checkbox"
        aria-label={`Select ${group.short_id}`}
        checked={isSelected}
        onChange={event => onSelect(group, event.target.checked, (event.nativeEvent as MouseEvent).shiftKey)}
        className="relative z-[1] phone:hidden"
      />
      <div className="min-w-0">
        <div className="flex min-w-0 items-center gap-[5px]">
          <span className="grid w-3 shrink-0 place-items-center">
            <LevelGlyph level={group.level} />
          </span>
          <Link
            to="/p/$project/issues/$short"
            params={{ project: slug, short: group.short_id }}
            search={{ environment: environment.length ? environment : undefined }}
            className="min-w-0 truncate text-ink2 outline-none after:absolute after:inset-0"
          >
            {type && (
              <span className="font-semibold text-ink">
                <Text>{cut(type, 120)}</Text>
              </span>
            )}{' '}
            <span className={type ? undefined : 'font-semibold text-ink'}>
              <Text>{cut(message.replace(/\s+/g, ' '), 200)}</Text>
            </span>
          </Link>
          <StatusOf group={group} />
        </div>
        <div className="mt-px flex min-w-0 items-center overflow-hidden whitespace-nowrap pl-[17px] text-ink2 text-xs">
          {/* The id people say aloud is never cut: on a phone it comes first, else the place gives way to it. */}
          <span className="shrink-0 md:order-2">{group.short_id}</span>
          {group.culprit && (
            <>
              <span aria-hidden className="whitespace-pre md:order-1">
                {' · '}
              </span>
              <span className="truncate font-mono">
                <Text>{cut(group.culprit, 120)}</Text>
              </span>
            </>
          )}
          <span className="flex shrink-0 items-center gap-[3px] pl-1.5 md:order-3 phone:hidden">
            {names.slice(0, 3).map(name => (
              <Chip key={name} small>
                <Text>{cut(name, 30)}</Text>
              </Chip>
            ))}
            {names.length > 3 && <span className="text-ink3">+{names.length - 3}</span>}
            {group.handled === false && <Chip small>unhandled</Chip>}
          </span>
        </div>
      </div>
      <div className="hidden lg:block">
        {stats && (
          <Sparkline
            values={stats.trend}
            level={group.level}
            label={`${counted(
              stats.trend.reduce((sum, each) => sum + each, 0),
              'event',
            )}, ${scope}`}
          />
        )}
      </div>
      <div className="text-right font-medium" title={count(counts)}>
        {compact(counts)}
        <span className="sr-only"> {counts === 1 ? 'event' : 'events'}</span>
      </div>
      <div
        className="hidden text-right font-medium md:block"
        title={stats ? count(stats.users) : 'Not known'}
      >
        {stats?.users ? (
          <>
            {compact(stats.users)}
            <span className="sr-only"> users</span>
          </>
        ) : (
          <span className="text-ink3">—</span>
        )}
      </div>
      <div className="whitespace-nowrap text-right text-s/[1.3]">
        <span className="sr-only">last seen </span>
        <Age time={group.last_seen} />
        <div className="text-ink3">
          <span className="sr-only">first seen </span>
          <Age time={group.first_seen} />
        </div>
      </div>
      <div className="hidden lg:block">
        {group.assignee ? (
          <span
            title={`Assigned to ${group.assignee}`}
            className="grid size-5 place-items-center rounded-full bg-accent-soft font-semibold text-[10px] text-accent ring-1 ring-line"
          >
            <span aria-hidden>{initials(group.assignee)}</span>
            <span className="sr-only">assigned to {group.assignee}</span>
          </span>
        ) : (
          <span className="pl-1.5 text-ink3" aria-hidden>
            —
          </span>
        )}
      </div>
    </div>
  )
})
