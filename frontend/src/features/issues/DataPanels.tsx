/** The event's data beside its stack: message, request, context, tags, extra, modules, notes, grouping, JSON. */

import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { EventDetail, Explanation, Group } from '@/api/types'
import { Button, LinkButton } from '@/components/Button'
import { Chip } from '@/components/Chip'
import { CopyButton } from '@/components/Copy'
import { classes } from '@/components/classes'
import { KeyValues, Value } from '@/components/KeyValues'
import { Panel } from '@/components/Panel'
import { Preformatted } from '@/components/Preformatted'
import { LinkedText, Text } from '@/components/Text'
import { counted } from '@/lib/numbers'
import { cut } from '@/lib/text'
import { pairsOf, textOf } from '@/lib/value'

type Props = { event: EventDetail }

export function MessagePanel({ event }: Props) {
  const message = event.normalized.message
  if (!message?.formatted) return null
  return (
    <Panel title="Message" actions={<CopyButton text={message.formatted} label="Copy" />}>
      <p className="max-h-96 overflow-y-auto whitespace-pre-wrap px-3 py-2 [overflow-wrap:anywhere]">
        <Text>{cut(message.formatted, 50_000)}</Text>
      </p>
      {message.template && message.template !== message.formatted && (
        <div className="border-line border-t px-3 py-1.5 font-mono text-ink2 text-s [overflow-wrap:anywhere]">
          <Text>{message.template}</Text>
          {message.params !== null && message.params !== undefined && (
            <span className="ml-2 text-ink3">
              <Text>{textOf(message.params)}</Text>
            </span>
          )}
        </div>
      )}
    </Panel>
  )
}

export function RequestPanel({ event }: Props) {
  const request = event.normalized.request
  if (!request) return null
  const query = request.query_string
  const body = request.data
  return (
    <Panel title="Request" actions={<CopyButton text={() => curlOf(request)} label="Copy as cURL" />}>
      <div>
        {(request.url || request.method) && (
          <p className="px-3 py-2 font-mono [overflow-wrap:anywhere]">
            <b className="mr-2 font-semibold">{request.method || 'GET'}</b>
            <LinkedText>{request.url ?? ''}</LinkedText>
          </p>
        )}
        <Block title="Query" isFilled={Array.isArray(query) ? query.length > 0 : Boolean(query)}>
          {Array.isArray(query) ? <KeyValues of={query} label="Query" /> : <Value value={query} />}
        </Block>
        <Block title="Body" isFilled={body !== null && body !== undefined && body !== ''}>
          {pairsOf(body).length > 0 ? (
            <KeyValues of={body} label="Body" />
          ) : (
            <div className="font-mono text-s">
              <Value value={body} />
            </div>
          )}
        </Block>
        <Block title="Headers" isFilled={pairsOf(request.headers).length > 0}>
          <KeyValues of={request.headers} label="Headers" limit={12} />
        </Block>
        <Block title="Cookies" isFilled={pairsOf(request.cookies).length > 0}>
          <KeyValues of={request.cookies} label="Cookies" limit={12} />
        </Block>
        <Block title="Environment" isFilled={pairsOf(request.env).length > 0}>
          <KeyValues of={request.env} label="Environment" limit={12} />
        </Block>
      </div>
    </Panel>
  )
}

/** The request as a shell command; what was scrubbed stays scrubbed. */
function curlOf(request: NonNullable<EventDetail['normalized']['request']>): string {
  const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`
  const parts = [`curl -X ${quote(request.method || 'GET')} ${quote(request.url ?? '')}`]
  for (const [name, value] of pairsOf(request.headers)) {
    if (!/^(host|content-length|cookie|authorization)$/i.test(name))
      parts.push(`-H ${quote(`${name}: ${textOf(value)}`)}`)
  }
  if (request.data !== null && request.data !== undefined && request.data !== '')
    parts.push(`--data ${quote(textOf(request.data))}`)
  return parts.join(' \\\n  ')
}

function Block({ title, isFilled, children }: { title: string; isFilled: boolean; children: ReactNode }) {
  if (!isFilled) return null
  return (
    <div className="border-line not-first:border-t px-3 py-2">
      <h3 className="mb-1 font-semibold text-ink3 text-xs">{title}</h3>
      {children}
    </div>
  )
}

/** Contexts that every event has come last; what the application said of itself comes first. */
const usual = ['device', 'os', 'runtime', 'browser', 'app', 'trace']

export function ContextPanel({ event }: Props) {
  const contexts = Object.entries(event.normalized.contexts ?? {}).filter(
    ([, value]) => value && Object.keys(value).length > 0,
  )
  const rank = (name: string) => (usual.includes(name) ? usual.indexOf(name) : -1)
  contexts.sort((one, other) => rank(one[0]) - rank(other[0]))
  return (
    <Panel title="Context">
      <div>
        <Block title="User" isFilled={Object.keys(event.user ?? {}).length > 0}>
          <KeyValues of={withoutNothing(event.user)} label="User" />
        </Block>
        {contexts.map(([name, value]) => (
          <Block key={name} title={name} isFilled>
            <KeyValues of={value} label={name} limit={16} isQuiet />
          </Block>
        ))}
      </div>
    </Panel>
  )
}

function withoutNothing(values: Record<string, unknown> | null): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values ?? {}).filter(([, value]) => value !== null && value !== ''),
  )
}

export function TagsPanel({ event }: Props) {
  const navigate = useNavigate()
  const [isWhole, setWhole] = useState(false)
  const limit = 60
  const tags = isWhole ? event.tag_list : event.tag_list.slice(0, limit)
  return (
    <Panel title="Tags" note="a click lists the issues that have it">
      <ul className="flex flex-wrap gap-1.5 px-3 py-2.5">
        {tags.map((tag, index) => (
          <li key={`${tag.key} ${index}`} className="min-w-0 max-w-full">
            <button
              type="button"
              onClick={() =>
                void navigate({
                  to: '/p/$project/issues',
                  params: before => ({ project: before.project ?? '' }),
                  search: { q: termOf(tag) },
                })
              }
              className="flex max-w-full items-center overflow-hidden rounded-m border border-line text-s hover:border-edge phone:min-h-10"
            >
              <span className="shrink-0 bg-sunk px-2 py-0.5 text-ink3">
                <Text>{cut(tag.key, 60)}</Text>
              </span>
              <span className="truncate px-2 py-0.5 font-medium">
                <Text>{cut(tag.value, 200)}</Text>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {event.tag_list.length > tags.length && (
        <LinkButton className="px-3 pb-2.5" onClick={() => setWhole(true)}>
          {counted(event.tag_list.length - tags.length, 'more tag')}
        </LinkButton>
      )}
    </Panel>
  )
}

/** A tag as a term of the search language, quoted when it needs it. */
export function termOf({ key, value }: { key: string; value: string }): string {
  return /^[\w.@/+-]+$/.test(value) ? `${key}:${value}` : `${key}:"${value.replace(/["\\]/g, '\\$&')}"`
}

export function ExtraPanel({ event }: Props) {
  return (
    <Panel title="Extra">
      <div className="px-3 py-2">
        <KeyValues of={event.normalized.extra} label="Extra data" />
      </div>
    </Panel>
  )
}

export function ModulesPanel({ event }: Props) {
  const amount = Object.keys(event.normalized.modules ?? {}).length
  return (
    <Fold title="Modules" note={counted(amount, 'package')}>
      <div className="columns-1 gap-6 px-3 py-2 md:columns-2">
        <KeyValues of={event.normalized.modules} label="Installed packages" limit={400} />
      </div>
    </Fold>
  )
}

/** What the server had to drop or repair in the event. */
export function NotesPanel({ event }: Props) {
  const notes = event.normalized.errors ?? []
  return (
    <Fold title="What was wrong with the event itself" note={counted(notes.length, 'note')}>
      <ul className="px-3 py-2 text-s">
        {notes.map((note, index) => (
          <li key={index} className="py-0.5">
            <Text>{note.type}</Text>{' '}
            {note.name && (
              <code className="font-mono text-ink2">
                <Text>{note.name}</Text>
              </code>
            )}{' '}
            {note.value !== null && note.value !== undefined && (
              <span className="text-ink3">
                <Text>{cut(textOf(note.value), 200)}</Text>
              </span>
            )}
          </li>
        ))}
      </ul>
    </Fold>
  )
}

function Fold({ title, note, children }: { title: string; note: string; children: ReactNode }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <Panel
      title={title}
      note={note}
      actions={
        <Button small aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide' : 'Show'}
        </Button>
      }
    >
      {isOpen ? children : <div className="-mb-px" />}
    </Panel>
  )
}

export function GroupingPanel({ event, group }: Props & { group: Group }) {
  const [isOpen, setOpen] = useState(false)
  const { grouping } = event
  return (
    <Panel
      title="Grouping"
      note={`why this event is in ${group.short_id}`}
      actions={
        <Button small aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide' : 'Show'}
        </Button>
      }
    >
      <dl className="grid grid-cols-[6rem_minmax(0,1fr)] gap-x-3 gap-y-1 px-3 py-2 text-s">
        <dt className="text-ink3">Config</dt>
        <dd className="font-mono">{grouping.config}</dd>
        {grouping.hashes.map(hash => (
          <div key={hash.hash} className="contents">
            <dt className="text-ink3">
              <Text>{hash.variant}</Text>
            </dt>
            <dd className="font-mono [overflow-wrap:anywhere]">{hash.hash}</dd>
          </div>
        ))}
        {group.hash_count > 1 && (
          <>
            <dt className="text-ink3">Issue</dt>
            <dd>{counted(group.hash_count, 'hash', 'hashes')} in all</dd>
          </>
        )}
      </dl>
      {isOpen && (
        <div className="border-line border-t px-3 py-2 text-s">
          {grouping.explanation.length > 0 ? (
            <Tree parts={grouping.explanation} />
          ) : (
            <p className="text-ink3">No explanation was stored.</p>
          )}
        </div>
      )}
    </Panel>
  )
}

function Tree({ parts }: { parts: Explanation[] }) {
  return (
    <ul className="border-line border-l pl-3 first:border-0 first:pl-0">
      {parts.map((part, index) => (
        <li key={index} className={classes('py-px', part.contributes === false && 'text-ink3')}>
          <span className={part.contributes ? 'font-semibold' : undefined}>
            <Text>{part.component}</Text>
          </span>
          {part.value !== null && part.value !== undefined && part.value !== '' && (
            <code className="ml-2 font-mono [overflow-wrap:anywhere]">
              <Text>{cut(textOf(part.value), 300)}</Text>
            </code>
          )}
          {part.contributes === false && (
            <span className="ml-2">
              <Chip small>{part.reason ? <Text>{part.reason}</Text> : 'not used'}</Chip>
            </span>
          )}
          {part.contributes !== false && part.reason && (
            <span className="ml-2 text-ink3">
              <Text>{part.reason}</Text>
            </span>
          )}
          {part.children && part.children.length > 0 && <Tree parts={part.children} />}
        </li>
      ))}
    </ul>
  )
}

export function JsonPanel({ event }: Props) {
  const [isOpen, setOpen] = useState(false)
  const text = isOpen ? textOf(event.payload, 2) : ''
  const limit = 200_000
  return (
    <Panel
      title="JSON"
      note="as sent, after scrubbing"
      actions={
        <>
          {isOpen && <CopyButton text={text} label="Copy" />}
          <Button small aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? 'Hide' : 'Show'}
          </Button>
        </>
      }
    >
      {isOpen ? (
        <Preformatted
          label="Event as JSON"
          className="max-h-[36rem] overflow-auto px-3 py-2 font-mono text-s/[19px]"
        >
          <Text>{cut(text, limit)}</Text>
        </Preformatted>
      ) : (
        <div className="-mb-px" />
      )}
    </Panel>
  )
}
