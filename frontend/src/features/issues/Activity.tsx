/** What became of the issue, and what people said about it; newest first. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import {
  Bookmark,
  Check,
  Dot,
  EyeOff,
  Flag,
  History,
  type LucideIcon,
  MessageSquare,
  RotateCcw,
  UserRound,
} from 'lucide-react'
import { type FormEvent, useState } from 'react'
import type { Activity as Entry, Group } from '@/api/types'
import { Button, LinkButton } from '@/components/Button'
import { Panel } from '@/components/Panel'
import { FailedLine } from '@/components/State'
import { LinkedText, Text } from '@/components/Text'
import { Age } from '@/components/Time'
import { initials } from '@/lib/text'
import { activityQuery, addComment } from './queries'

const shownFirst = 12

const words: Record<string, string> = {
  first_seen: 'First seen',
  resolved: 'Resolved',
  unresolved: 'Reopened',
  ignored: 'Ignored',
  regressed: 'Came back after it was resolved',
  bookmarked: 'Bookmarked',
  unbookmarked: 'Bookmark removed',
}

export function Activity({ group }: { group: Group }) {
  const client = useQueryClient()
  const activity = useQuery(activityQuery(group.id))
  const [text, setText] = useState('')
  const [isWhole, setWhole] = useState(false)
  const comment = useMutation({
    mutationFn: (body: string) => addComment(group.id, body),
    onSuccess: () => {
      setText('')
      void client.invalidateQueries({ queryKey: ['activity', group.id] })
    },
  })
  function submit(event: FormEvent) {
    event.preventDefault()
    if (text.trim()) comment.mutate(text.trim())
  }
  const entries = activity.data ?? []
  return (
    <Panel title="Activity" id="activity">
      <form onSubmit={submit} className="flex flex-col gap-2 border-line border-b p-2.5">
        <textarea
          aria-label="Comment"
          placeholder="Write a comment"
          rows={text ? 3 : 1}
          maxLength={8192}
          value={text}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) submit(event)
          }}
          className="resize-y rounded-m border border-edge bg-surface px-2 py-1 phone:min-h-11"
        />
        {text.trim() && (
          <div className="flex items-center gap-2">
            <Button type="submit" rank="primary" disabled={comment.isPending}>
              Comment
            </Button>
            {comment.isError && (
              <span role="alert" className="text-error text-s">
                {comment.error.message}
              </span>
            )}
          </div>
        )}
      </form>
      {activity.isError && (
        <FailedLine what="The activity" error={activity.error} retry={() => void activity.refetch()} />
      )}
      <ol className="px-2.5 py-1.5">
        {entries.slice(0, isWhole ? undefined : shownFirst).map(entry => (
          <Line key={entry.id} entry={entry} />
        ))}
      </ol>
      {entries.length > shownFirst && !isWhole && (
        <LinkButton className="px-2.5 pb-2" onClick={() => setWhole(true)}>
          {entries.length - shownFirst} earlier
        </LinkButton>
      )}
    </Panel>
  )
}

/** What a line shows in place of a person, when nobody did it or nobody is known. */
const signs: Record<string, LucideIcon> = {
  first_seen: Flag,
  resolved: Check,
  unresolved: RotateCcw,
  ignored: EyeOff,
  regressed: History,
  assigned: UserRound,
  unassigned: UserRound,
  bookmarked: Bookmark,
  unbookmarked: Bookmark,
  comment: MessageSquare,
}

function Line({ entry }: { entry: Entry }) {
  const Sign = signs[entry.kind] ?? Dot
  return (
    <li className="flex gap-2 py-1 text-s">
      <span
        aria-hidden
        className="grid size-5 shrink-0 place-items-center rounded-full bg-accent-soft font-semibold text-[10px] text-accent"
      >
        {entry.author ? initials(entry.author) : <Sign size={12} />}
      </span>
      <div className="min-w-0 [overflow-wrap:anywhere]">
        <Sentence entry={entry} />{' '}
        <span className="text-ink3">
          <Age time={entry.created_at} long />
        </span>
      </div>
    </li>
  )
}

function Sentence({ entry }: { entry: Entry }) {
  const data = entry.data ?? {}
  const who = entry.author ? (
    <b className="font-semibold">
      <Text>{entry.author}</Text>
    </b>
  ) : null
  if (entry.kind === 'comment') {
    return (
      <>
        {who ?? <b className="font-semibold">Somebody</b>}:{' '}
        <span className="whitespace-pre-wrap">{typeof data.body === 'string' && commentText(data.body)}</span>
      </>
    )
  }
  if (entry.kind === 'unassigned') return who ? <>{who} assigned nobody</> : 'Assigned to nobody'
  if (entry.kind === 'assigned') {
    const assignee = typeof data.to === 'string' ? data.to : ''
    return (
      <>
        {who ? <>{who} assigned </> : 'Assigned '}
        {assignee ? (
          <>
            to <Text>{assignee}</Text>
          </>
        ) : (
          'to nobody'
        )}
      </>
    )
  }
  const word = words[entry.kind] ?? entry.kind.replace(/_/g, ' ')
  const release = typeof data.release === 'string' && data.release ? data.release : undefined
  return (
    <>
      {who ? (
        <>
          {word} by {who}
        </>
      ) : (
        word
      )}
      {release && (
        <>
          {' '}
          in <Text>{release}</Text>
        </>
      )}
    </>
  )
}

/** Words of a comment, its web addresses as links. */
function commentText(body: string) {
  return body.split(/(https?:\/\/\S+)/).map((part, index) => <LinkedText key={index}>{part}</LinkedText>)
}
