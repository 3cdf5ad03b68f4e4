/** The parts of one event in their order, with a bar to jump between those that exist. */
import { type ReactNode, useEffect, useState } from 'react'
import type { EventDetail, Group } from '@/api/types'
import { useKeys } from '@/components/keys'
import { Tabs } from '@/components/Tabs'
import { Breadcrumbs } from './Breadcrumbs'
import {
  ContextPanel,
  ExtraPanel,
  GroupingPanel,
  JsonPanel,
  MessagePanel,
  ModulesPanel,
  NotesPanel,
  RequestPanel,
  TagsPanel,
} from './DataPanels'
import type { IssueSearch } from './filters'
import { StackTrace } from './StackTrace'

type Part = { id: string; title: string; amount?: number; content: ReactNode; inBar: boolean }

export function EventPanels({
  event,
  group,
  search,
}: {
  event: EventDetail
  group: Group
  search: IssueSearch
}) {
  const parts = partsOf(event, group, search)
  const inBar = parts.filter(part => part.inBar)
  const current = useCurrent(inBar.map(part => part.id))
  useKeys(
    inBar.slice(0, 9).map((part, index) => ({
      key: String(index + 1),
      does: `To ${part.title}`,
      run: () => jumpTo(part.id),
    })),
  )
  return (
    <>
      <Tabs
        label="Parts of the event"
        className="no-print sticky top-0 z-[3] bg-canvas pt-1 text-s lg:-mr-[356px]"
        value={current}
        options={inBar.map((part, index) => ({
          value: part.id,
          text: part.title,
          amount: part.amount,
          hotkey: String(index + 1),
        }))}
        onChange={jumpTo}
      />
      <div className="grid grid-cols-1 gap-3 px-2.5 py-3 md:px-4 lg:pr-3">
        {!event.body_is_kept && (
          <p className="rounded-l border border-line bg-surface px-3 py-2 text-ink2">
            The content of this event was removed after its retention time; it still counts.
          </p>
        )}
        {parts.map(part => (
          <div key={part.id} id={part.id} className="min-w-0 scroll-mt-11">
            {part.content}
          </div>
        ))}
      </div>
    </>
  )
}

function partsOf(event: EventDetail, group: Group, search: IssueSearch): Part[] {
  const { normalized } = event
  const found: (Part | false)[] = [
    {
      id: 'stack',
      title: 'Stack trace',
      content: <StackTrace key={event.event_id} event={event} search={search} />,
      inBar: true,
    },
    { id: 'message', title: 'Message', content: <MessagePanel event={event} />, inBar: true },
    {
      id: 'breadcrumbs',
      title: 'Breadcrumbs',
      amount: normalized.breadcrumbs?.length,
      content: <Breadcrumbs key={event.event_id} event={event} />,
      inBar: true,
    },
    { id: 'request', title: 'Request', content: <RequestPanel event={event} />, inBar: true },
    { id: 'context', title: 'Context', content: <ContextPanel event={event} />, inBar: true },
    {
      id: 'tags',
      title: 'Tags',
      amount: event.tag_list.length,
      content: <TagsPanel event={event} />,
      inBar: true,
    },
    { id: 'extra', title: 'Extra', content: <ExtraPanel event={event} />, inBar: true },
    {
      id: 'modules',
      title: 'Modules',
      amount: Object.keys(normalized.modules ?? {}).length,
      content: <ModulesPanel event={event} />,
      inBar: false,
    },
    { id: 'notes', title: 'Notes', content: <NotesPanel event={event} />, inBar: false },
    {
      id: 'grouping',
      title: 'Grouping',
      content: <GroupingPanel event={event} group={group} />,
      inBar: true,
    },
    { id: 'json', title: 'JSON', content: <JsonPanel event={event} />, inBar: true },
  ]
  return found.filter((part): part is Part => part !== false && hasPart(part.id, event))
}

/** Parts without data are absent from the page and the bar, not empty boxes. */
export function hasPart(id: string, event: EventDetail): boolean {
  const { normalized } = event
  const filled = (value: unknown) => value !== null && value !== undefined && Object.keys(value).length > 0
  switch (id) {
    case 'stack':
      return (
        filled(normalized.exceptions) ||
        filled(normalized.stacktrace) ||
        (normalized.threads ?? []).some(thread => filled(thread.frames)) ||
        Boolean(event.stack)
      )
    case 'message':
      // The head shows a short message already; a template or more lines make it worth a panel.
      return (
        Boolean(normalized.message?.formatted) &&
        (normalized.message?.formatted !== event.title || Boolean(normalized.message.template))
      )
    case 'breadcrumbs':
      return filled(normalized.breadcrumbs)
    case 'request':
      return Boolean(
        normalized.request?.url || normalized.request?.method || filled(normalized.request?.headers),
      )
    case 'context':
      return filled(event.user) || filled(normalized.contexts)
    case 'tags':
      return event.tag_list.length > 0
    case 'extra':
      return filled(normalized.extra)
    case 'modules':
      return filled(normalized.modules)
    case 'notes':
      return filled(normalized.errors)
    case 'grouping':
      return event.grouping.hashes.length > 0
    default:
      return true
  }
}

function jumpTo(id: string) {
  const smooth = !window.matchMedia('(prefers-reduced-motion: reduce)').matches
  document.getElementById(id)?.scrollIntoView({ behavior: smooth ? 'smooth' : 'auto', block: 'start' })
}

/** The part that is at the top of the window. */
function useCurrent(ids: string[]): string | undefined {
  const [current, setCurrent] = useState(ids[0])
  const key = ids.join(' ')
  useEffect(() => {
    const onScroll = () => {
      const passed = key
        .split(' ')
        .filter(id => (document.getElementById(id)?.getBoundingClientRect().top ?? Infinity) < 90)
      setCurrent(passed.at(-1) ?? key.split(' ')[0])
    }
    onScroll()
    window.addEventListener('scroll', onScroll, { passive: true })
    return () => window.removeEventListener('scroll', onScroll)
  }, [key])
  return current
}
