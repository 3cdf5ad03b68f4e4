/** Which of the issue's events is shown, and the way to the others. */
import { ChevronLeft, ChevronRight } from 'lucide-react'
import { serverUrl } from '@/api/base'
import type { EventDetail } from '@/api/types'
import { Button, Segments } from '@/components/Button'
import { CopySign } from '@/components/Copy'
import { Absolute, Age } from '@/components/Time'
import { count } from '@/lib/numbers'
import { offset } from '@/lib/time'

export function EventLine({
  event,
  eventKey,
  goTo,
  hasNewer,
  isMoving,
}: {
  event: EventDetail
  eventKey: string
  goTo: (id: string | null | undefined) => void
  hasNewer: boolean
  isMoving: boolean
}) {
  const { neighbours, position, stored, counted } = event
  const isFirst = neighbours.first === event.event_id
  const isLatest = neighbours.latest === event.event_id
  const late = Date.parse(event.received_at) - Date.parse(event.timestamp)
  return (
    <section
      aria-label="Event"
      className="relative flex flex-wrap items-center gap-x-2.5 gap-y-2 px-2.5 pt-2.5 text-s md:px-4"
    >
      <div className="absolute inset-x-0 top-0 h-0.5">{isMoving && <div className="busy-line h-full" />}</div>
      <Segments
        label="First or latest event"
        value={isLatest ? 'latest' : isFirst ? 'first' : ''}
        options={[
          { value: 'first', text: 'First' },
          { value: 'latest', text: 'Latest' },
        ]}
        onChange={value => goTo(value)}
      />
      <span className="flex gap-1">
        <Button
          small
          disabled={!neighbours.previous}
          onClick={() => goTo(neighbours.previous)}
          aria-label="Older event"
          hotkey="["
          icon={<ChevronLeft size={13} aria-hidden />}
        />
        <Button
          small
          disabled={!neighbours.next}
          onClick={() => goTo(neighbours.next)}
          aria-label="Newer event"
          hotkey="]"
          icon={<ChevronRight size={13} aria-hidden />}
        />
      </span>
      <b className="font-semibold">
        Event {count(position)} of {count(stored)}
      </b>
      {counted > stored && (
        <span
          className="text-ink3"
          title="Older events are removed after their retention time; very loud issues keep a sample. Counts stay exact."
        >
          {count(stored)} of {count(counted)} stored
        </span>
      )}
      <span className="inline-flex items-center">
        <span className="font-mono text-ink3" title={event.event_id}>
          {event.event_id.slice(0, 8)}
        </span>
        <CopySign text={event.event_id} label="Copy the event id" />
      </span>
      <Absolute time={event.timestamp} />
      <span className="text-ink3">
        <Age time={event.timestamp} long />
        {Math.abs(late) >= 1000 &&
          ` · received ${late > 0 ? `${offset(late).slice(1)} later` : `${offset(-late).slice(1)} earlier`}`}
      </span>
      {hasNewer && (
        <button type="button" className="font-medium text-accent" onClick={() => goTo('latest')}>
          Newer event, show
        </button>
      )}
      <span className="ml-auto flex gap-3">
        <a
          className="font-medium text-accent hover:underline"
          href={serverUrl(`api/events/${event.event_id}/`)}
          target="_blank"
          rel="noreferrer"
        >
          JSON
        </a>
        {eventKey !== event.event_id && (
          <button
            type="button"
            className="font-medium text-accent hover:underline"
            onClick={() => goTo(event.event_id)}
          >
            Link
          </button>
        )}
      </span>
    </section>
  )
}
