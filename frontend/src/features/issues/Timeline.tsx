/** The issue's events over time by level. Absent while the columns are away. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Group, SeriesBucket } from '@/api/types'
import { Segments } from '@/components/Button'
import { TimeBars } from '@/components/Charts'
import { classes } from '@/components/classes'
import { levels } from '@/lib/event'
import { count, counted } from '@/lib/numbers'
import { short, ticks } from '@/lib/time'
import { type IssueSearch, rangeWords } from './filters'
import { seriesQuery } from './queries'

type Range = NonNullable<IssueSearch['range']>

export function Timeline({
  group,
  range,
  environment,
  at,
  search,
}: {
  group: Group
  range: Range
  environment: string[]
  at: string | undefined
  search: IssueSearch
}) {
  const navigate = useNavigate()
  const series = useQuery(seriesQuery(group.id, range, environment))
  if (series.isError) return null
  const rows = series.data ?? []
  const total = rows.reduce((sum, row) => sum + sumOf(row), 0)
  const top = Math.max(0, ...rows.map(sumOf))
  const now = new Date()
  const first = Date.parse(rows[0]?.bucket ?? '')
  const last = Date.parse(rows.at(-1)?.bucket ?? '')
  return (
    <section
      aria-label="Events over time"
      className="border-line border-b bg-surface px-2.5 pt-2 pb-1 md:px-4"
    >
      <div className="mb-1.5 flex flex-wrap items-center gap-2 text-s">
        <Segments
          label="Time range"
          value={range}
          options={[
            { value: '24h', text: '24 h' },
            { value: '7d', text: '7 d' },
            { value: '30d', text: '30 d' },
          ]}
          onChange={next =>
            void navigate({
              to: '.',
              search: { ...search, range: next === '24h' ? undefined : next },
              replace: true,
              resetScroll: false,
            })
          }
        />
        <span className="text-ink3">
          {series.data
            ? `${counted(total, 'event')} in the ${rangeWords[range]?.toLowerCase()}`
            : 'Counting…'}
          {environment.length > 0 && ` in ${environment.join(', ')}`}
        </span>
        {top > 0 && <span className="ml-auto text-ink3 text-xs">at most {count(top)} a bar</span>}
      </div>
      <div className="h-[66px]">
        {rows.length > 0 && (
          <TimeBars
            label={`Events of ${group.short_id} in the ${rangeWords[range]?.toLowerCase()}: ${counted(total, 'event')}, at most ${count(top)} in one bar`}
            marked={at ? rows.findLastIndex(row => Date.parse(row.bucket) <= Date.parse(at)) : undefined}
            buckets={rows.map(row => ({
              at: row.bucket,
              title: `${short(new Date(row.bucket), now)}: ${counted(sumOf(row), 'event')}`,
              parts: [...levels].reverse().map(level => ({ name: level, value: row[level] ?? 0 })),
            }))}
          />
        )}
      </div>
      {rows.length > 1 && <Axis start={first} end={last + (last - first) / (rows.length - 1)} />}
    </section>
  )
}

function sumOf(row: SeriesBucket): number {
  return levels.reduce((sum, level) => sum + (row[level] ?? 0), 0)
}

/** Where the hours and days begin below the bars; what would stick out at an end is left away. */
function Axis({ start, end }: { start: number; end: number }) {
  const marks = useMemo(() => ticks(start, end), [start, end])
  return (
    <div aria-hidden className="relative h-[15px] whitespace-nowrap text-2xs text-ink3">
      {marks.map(({ at, text }, index) => {
        const share = (at - start) / (end - start)
        return (
          share > 0.03 &&
          share < 0.95 && (
            <span
              key={at}
              className={classes(
                'absolute top-0 -translate-x-1/2',
                (index % 2 === 1 || share > 0.86) && 'phone:hidden',
              )}
              style={{ left: `${share * 100}%` }}
            >
              {text}
            </span>
          )
        )
      })}
      <span className="absolute right-0">now</span>
    </div>
  )
}
