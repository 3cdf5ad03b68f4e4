/** What happened before, in time before the crash, ending in it. */
import { ChevronRight } from 'lucide-react'
import { useState } from 'react'
import type { EventDetail } from '@/api/types'
import { Segments } from '@/components/Button'
import { classes } from '@/components/classes'
import { KeyValues } from '@/components/KeyValues'
import { Panel } from '@/components/Panel'
import { Text } from '@/components/Text'
import { type CrumbKind, filledKinds, kindOf, kindWords, summaryOf } from '@/lib/breadcrumbs'
import { levelOf } from '@/lib/event'
import { momentOf } from '@/lib/markdown'
import { everyForm, offset } from '@/lib/time'

const shownFirst = 20

const line =
  'grid min-h-[25px] grid-cols-[60px_14px_minmax(0,1fr)_auto] items-center gap-2 px-3 text-s md:grid-cols-[68px_14px_104px_minmax(0,1fr)_auto]'

export function Breadcrumbs({ event }: { event: EventDetail }) {
  const all = event.normalized.breadcrumbs ?? []
  const [kind, setKind] = useState<CrumbKind | 'all'>('all')
  const [isWhole, setWhole] = useState(false)
  const kinds = filledKinds(all)
  const fitting = kind === 'all' ? all : all.filter(crumb => kindOf(crumb) === kind)
  const shown = isWhole ? fitting : fitting.slice(-shownFirst)
  const crash = Date.parse(event.timestamp)
  return (
    <Panel
      title="Breadcrumbs"
      note="time before the crash"
      actions={
        kinds.length > 1 && (
          <Segments
            label="Kind of breadcrumb"
            value={kind}
            options={[
              { value: 'all' as const, text: 'All' },
              ...kinds.map(each => ({ value: each.kind, text: `${kindWords[each.kind]} ${each.amount}` })),
            ]}
            onChange={setKind}
          />
        )
      }
    >
      {shown.length < fitting.length && (
        <button
          type="button"
          onClick={() => setWhole(true)}
          className="flex h-[27px] w-full items-center gap-1.5 border-line border-b bg-sunk px-3 text-ink2 text-s -outline-offset-2 phone:h-11"
        >
          <ChevronRight size={12} aria-hidden /> {fitting.length - shown.length} earlier
        </button>
      )}
      <ol className="py-1">
        {shown.map((crumb, index) => (
          <Crumb key={index} crumb={crumb} crash={crash} isFirst={index === 0} />
        ))}
        <li className={classes(line, 'bg-error-soft font-semibold')}>
          <span className="text-right font-mono text-ink2 text-xs">0 s</span>
          <Dot tone="crash" />
          <span className="hidden md:block">
            {event.normalized.exceptions?.length ? 'exception' : 'event'}
          </span>
          <span className="truncate">
            <Text>{event.title}</Text>
          </span>
        </li>
      </ol>
    </Panel>
  )
}

function Crumb({
  crumb,
  crash,
  isFirst,
}: {
  crumb: NonNullable<EventDetail['normalized']['breadcrumbs']>[number]
  crash: number
  isFirst: boolean
}) {
  const [isOpen, setOpen] = useState(false)
  const moment = momentOf(crumb.timestamp)
  const { text, result, isBad } = summaryOf(crumb)
  const level = levelOf(crumb.level ?? 'info')
  const tone =
    isBad || level === 'error' || level === 'fatal'
      ? 'error'
      : level === 'warning'
        ? 'warning'
        : kindOf(crumb) === 'navigation'
          ? 'quiet'
          : 'info'
  const hasMore = Object.keys(crumb.data ?? {}).length > 0 || text.length > 90
  const content = (
    <>
      <time
        className="text-right font-mono text-ink3 text-xs"
        title={Number.isNaN(moment) ? undefined : everyForm(new Date(moment))}
      >
        {Number.isNaN(moment) || Number.isNaN(crash) ? '' : offset(Math.min(0, moment - crash))}
      </time>
      <Dot tone={tone} isFirst={isFirst} />
      <span className="hidden truncate text-ink2 md:block">
        <Text>{crumb.category || crumb.type || 'default'}</Text>
      </span>
      <span className="min-w-0 truncate">
        <Text>{text}</Text>
      </span>
      <span className={classes('whitespace-nowrap', isBad ? 'font-semibold text-error' : 'text-ink3')}>
        <Text>{result}</Text>
      </span>
    </>
  )
  return (
    <li>
      {hasMore ? (
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
          className={classes(line, 'w-full text-left -outline-offset-2 hover:bg-sunk')}
        >
          {content}
        </button>
      ) : (
        <div className={line}>{content}</div>
      )}
      {isOpen && (
        <div className="mb-1 border-line border-y bg-sunk px-3 py-1.5 md:pl-[110px]">
          {crumb.message && (
            <p className="mb-1 whitespace-pre-wrap font-mono text-s [overflow-wrap:anywhere]">
              <Text>{crumb.message}</Text>
            </p>
          )}
          <KeyValues of={crumb.data} label="Data of the breadcrumb" />
        </div>
      )}
    </li>
  )
}

const dots: Record<string, string> = {
  info: 'border-bar-info bg-surface',
  quiet: 'border-bar-quiet bg-surface',
  warning: 'border-bar-warning bg-surface',
  error: 'border-bar-error bg-surface',
  crash: 'border-bar-error bg-bar-error',
}

function Dot({ tone, isFirst = false }: { tone: string; isFirst?: boolean }) {
  return (
    <span aria-hidden className="relative grid h-full place-items-center self-stretch">
      {!isFirst && <span className="absolute -top-[13px] h-[17px] w-[1.5px] bg-edge" />}
      <span className={classes('relative size-[9px] rounded-full border-2', dots[tone])} />
    </span>
  )
}
