/** What the issue is, in full, and what can be done about it. */

import { Popover } from '@base-ui/react/popover'
import { useQuery } from '@tanstack/react-query'
import { Check, EyeOff, RotateCcw, UserRound } from 'lucide-react'
import { type FormEvent, useEffect, useState } from 'react'
import { serverUrl } from '@/api/base'
import type { EventDetail, Group } from '@/api/types'
import { Button, buttonClasses, LinkButton } from '@/components/Button'
import { Chip } from '@/components/Chip'
import { CopyButton, copyText } from '@/components/Copy'
import { useKeys } from '@/components/keys'
import { LevelGlyph } from '@/components/Level'
import { Text } from '@/components/Text'
import { toast } from '@/components/Toasts'
import { chainIn } from '@/lib/frames'
import { issueMarkdown } from '@/lib/markdown'
import { allowed, useIssueActions } from './actions'
import type { IssueSearch } from './filters'
import { tagsQuery } from './queries'
import { stackView } from './stack-view'
import { titleParts } from './words'

const longMessage = 600

export function IssueHead({
  group,
  slug,
  event,
  search,
}: {
  group: Group
  slug: string
  event: EventDetail | undefined
  search: IssueSearch
}) {
  const { run, assign } = useIssueActions(slug)
  const tags = useQuery(tagsQuery(group.id))
  const [isAssigning, setAssigning] = useState(false)
  const [isWhole, setWhole] = useState(false)
  const { type, message: start } = titleParts(group)
  // The group keeps the beginning of a long message; its event has all of it.
  const whole = event?.normalized.exceptions?.at(-1)?.value ?? ''
  const message = whole.startsWith(start) ? whole : start
  const may = allowed(group.status)

  /** Follows what is on screen: the order of the frames, and whether they are the original ones. */
  function markdown(): string {
    if (!event) return ''
    const { order, source } = stackView(search, event.platform)
    const { exceptions } = event.normalized
    const issue = {
      title: group.title,
      shortId: group.short_id,
      link: serverUrl(`p/${slug}/issues/${group.short_id}`),
      level: event.level,
      handled: event.handled,
      count: group.count,
      storedCount: group.stored_count,
      firstSeen: group.first_seen,
      lastSeen: group.last_seen,
      firstRelease: group.first_release,
      release: event.release_version ?? group.last_release,
      environment: event.environment,
      eventId: event.event_id,
      timestamp: event.timestamp,
      culprit: event.culprit,
      normalized: { ...event.normalized, exceptions: exceptions && chainIn(source, exceptions) },
      commonTags: tags.data?.flatMap(tag =>
        tag.values[0] ? [{ key: tag.key, value: tag.values[0].value, share: tag.values[0].share }] : [],
      ),
    }
    return issueMarkdown(issue, { order })
  }

  useKeys([
    { key: 'e', does: 'Resolve', run: () => void run([group], 'resolve') },
    { key: 'i', does: 'Ignore', run: () => void run([group], 'ignore') },
    { key: 'u', does: 'Reopen', run: () => void run([group], 'unresolve') },
    { key: 'a', does: 'Assign', run: () => setAssigning(true) },
    {
      key: 'c',
      does: 'Copy as Markdown',
      run: () =>
        void copyText(markdown()).then(
          done => done && toast({ text: `${group.short_id} copied as Markdown.` }),
        ),
    },
  ])

  const first = may[0]
  return (
    <div className="flex flex-wrap items-start gap-x-4 gap-y-2.5 bg-surface px-2.5 pt-3 pb-2.5 md:px-4">
      <div className="min-w-0 flex-1 basis-80">
        <h1 className="flex items-start gap-1.5 font-[680] text-h1/[1.35] tracking-[-0.015em]">
          <span className="flex h-[1.35em] items-center">
            <LevelGlyph level={group.level} size={10} />
          </span>
          <span className="min-w-0 [overflow-wrap:anywhere]">
            <Text>{type || (message.length > 300 ? `${message.slice(0, 300)}…` : message)}</Text>
          </span>
        </h1>
        {type && message && (
          <p className="mt-0.5 max-h-[40vh] overflow-y-auto whitespace-pre-wrap text-l [overflow-wrap:anywhere]">
            <Text>
              {isWhole || message.length <= longMessage ? message : `${message.slice(0, longMessage)}…`}
            </Text>
            {message.length > longMessage && (
              <LinkButton className="ml-2" onClick={() => setWhole(!isWhole)}>
                {isWhole ? 'less' : 'the whole message'}
              </LinkButton>
            )}
          </p>
        )}
        <p className="mt-1 flex flex-wrap items-center gap-x-1 gap-y-1 text-ink2 text-s">
          {group.culprit && (
            <span className="mr-1 font-mono [overflow-wrap:anywhere]">
              <Text>{group.culprit}</Text>
            </span>
          )}
          {group.handled !== null && <Chip>{group.handled ? 'handled' : 'unhandled'}</Chip>}
          {group.platform && group.platform !== 'other' && <Chip>{group.platform}</Chip>}
        </p>
      </div>
      <div className="flex flex-wrap gap-1.5">
        {first === 'resolve' ? (
          <Button
            rank="primary"
            hotkey="E"
            icon={<Check size={14} aria-hidden />}
            onClick={() => void run([group], 'resolve')}
          >
            Resolve
          </Button>
        ) : (
          <Button
            hotkey="U"
            icon={<RotateCcw size={13} aria-hidden />}
            onClick={() => void run([group], 'unresolve')}
          >
            {group.status === 'resolved' ? 'Unresolve' : 'Stop ignoring'}
          </Button>
        )}
        {may.includes('ignore') && (
          <Button
            hotkey="I"
            icon={<EyeOff size={13} aria-hidden />}
            onClick={() => void run([group], 'ignore')}
          >
            Ignore
          </Button>
        )}
        {group.status === 'ignored' && (
          <Button
            hotkey="E"
            icon={<Check size={13} aria-hidden />}
            onClick={() => void run([group], 'resolve')}
          >
            Resolve
          </Button>
        )}
        <Assign
          group={group}
          isOpen={isAssigning}
          setOpen={setAssigning}
          onAssign={assignee => void assign(group, assignee)}
        />
        {event && (
          <CopyButton
            text={markdown}
            label={
              <>
                Copy<span className="phone:sr-only"> as Markdown</span>
              </>
            }
            small={false}
            hotkey="C"
          />
        )}
      </div>
    </div>
  )
}

function Assign({
  group,
  isOpen,
  setOpen,
  onAssign,
}: {
  group: Group
  isOpen: boolean
  setOpen: (open: boolean) => void
  onAssign: (assignee: string) => void
}) {
  const [name, setName] = useState(group.assignee)
  useEffect(() => setName(group.assignee), [group.assignee])
  function submit(event: FormEvent) {
    event.preventDefault()
    setOpen(false)
    if (name.trim() !== group.assignee) onAssign(name.trim())
  }
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger className={buttonClasses()} aria-keyshortcuts="A">
        <UserRound size={13} aria-hidden />
        {group.assignee ? (
          <span className="max-w-40 truncate phone:max-w-16">
            <Text>{group.assignee}</Text>
          </span>
        ) : (
          'Assign'
        )}
        <span aria-hidden className="kbd phone:hidden">
          A
        </span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={4} align="end" className="z-20">
          <Popover.Popup className="w-72 max-w-[calc(100vw-1rem)] rounded-l border border-edge bg-raised p-3 shadow-floating">
            <form onSubmit={submit} className="flex flex-col gap-2">
              <label className="flex flex-col gap-1 text-ink2 text-s">
                Assign to
                <input
                  value={name}
                  onChange={event => setName(event.target.value)}
                  placeholder="Name or mail address"
                  maxLength={200}
                  className="h-8 rounded-m border border-edge bg-surface px-2 text-ink text-m phone:h-11"
                />
              </label>
              <div className="flex gap-2">
                <Button type="submit" rank="primary">
                  Assign
                </Button>
                {group.assignee && (
                  <Button
                    onClick={() => {
                      setOpen(false)
                      onAssign('')
                    }}
                  >
                    Assign nobody
                  </Button>
                )}
              </div>
            </form>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}
