/** The exception chain with its frames: the failing line first, library code folded, the raw text one click away. */

import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { EventDetail } from '@/api/types'
import { Button, Segments } from '@/components/Button'
import { Chip } from '@/components/Chip'
import { CopyButton, CopySign } from '@/components/Copy'
import { useKeys } from '@/components/keys'
import { Panel } from '@/components/Panel'
import { Pick } from '@/components/Pick'
import { Preformatted } from '@/components/Preformatted'
import { Text, WebLink } from '@/components/Text'
import type { ExceptionEntry, Frame, Thread } from '@/lib/event'
import { chainIn, headline, isMapped, type Order, rawStack, relationWords, type Source } from '@/lib/frames'
import { recall, remember } from '@/lib/storage'
import { cut, webAddress } from '@/lib/text'
import { Frames } from './Frames'
import type { IssueSearch } from './filters'
import { stackView } from './stack-view'

/** The head of the page shows more of it. */
const longMessage = 600

export function StackTrace({ event, search }: { event: EventDetail; search: IssueSearch }) {
  const navigate = useNavigate()
  const { normalized, platform } = event
  const [isRaw, setRaw] = useState(() => recall('stack.raw') === 'yes')
  const [threadIndex, setThread] = useState(() => Math.max(0, crashedIndex(normalized.threads ?? [])))
  const { frames, order, source } = stackView(search, platform)

  const set = (next: Partial<IssueSearch>) =>
    void navigate({ to: '.', search: { ...search, ...next }, replace: true, resetScroll: false })

  const setSource = (next: Source) => {
    remember('stack.source', next)
    set({ src: next })
  }

  const threads = (normalized.threads ?? []).filter(thread => thread.frames?.length || thread.crashed)
  const thread = threads[threadIndex]
  const exceptions = normalized.exceptions ?? []
  // The exceptions are the crashed thread's stack; another thread shows its own frames.
  const showsThread =
    threads.length > 0 && thread && (exceptions.length === 0 || !(thread.crashed || thread.current))
  const readable: ExceptionEntry[] = showsThread
    ? [{ type: '', value: '', frames: thread.frames }]
    : exceptions.length > 0
      ? exceptions
      : normalized.stacktrace
        ? [{ type: '', value: '', frames: normalized.stacktrace }]
        : []
  const chain = chainIn(source, readable)
  const total = chain.reduce((sum, exception) => sum + (exception.frames?.length ?? 0), 0)
  const hasLibrary = chain.some(exception => exception.frames?.some(frame => !frame.in_app))
  const shown = order === 'newest' ? [...chain].reverse() : chain
  useKeys(
    isMapped(readable)
      ? [
          {
            key: 'o',
            does: 'Original or minified frames',
            run: () => setSource(source === 'original' ? 'minified' : 'original'),
          },
        ]
      : [],
  )
  const raw = chain.length > 0 ? rawStack(chain, platform) : (event.stack ?? '')

  return (
    <Panel
      title="Stack trace"
      actions={
        <>
          {threads.length > 1 && (
            <Pick
              small
              label="Thread"
              prefix="Thread"
              value={String(threadIndex)}
              options={threads.map((each, index) => ({ value: String(index), label: threadName(each) }))}
              onChange={value => setThread(Number(value))}
            />
          )}
          {!isRaw && hasLibrary && (
            <Segments
              label="Frames"
              value={frames}
              options={[
                { value: 'app', text: 'In-app' },
                { value: 'all', text: `All ${total}` },
              ]}
              onChange={value => {
                remember('stack.frames', value)
                set({ frames: value })
              }}
            />
          )}
          {isMapped(readable) && (
            <Segments
              label="Source"
              value={source}
              options={[
                { value: 'original', text: 'Original', title: 'As it was written, by the source maps (O)' },
                { value: 'minified', text: 'Minified', title: 'As the bundle has it (O)' },
              ]}
              onChange={setSource}
            />
          )}
          {!isRaw && total > 0 && (
            <Segments
              label="Order"
              value={order}
              options={[
                {
                  value: 'newest',
                  text: (
                    <>
                      Newest<span className="phone:sr-only"> first</span>
                    </>
                  ),
                },
                { value: 'oldest', text: 'Oldest' },
              ]}
              onChange={value => {
                remember(`stack.order.${platform}`, value)
                set({ order: value })
              }}
            />
          )}
          {chain.length > 0 && (
            <Button
              small
              aria-pressed={isRaw}
              className={isRaw ? 'border-accent! bg-accent-soft! text-accent!' : undefined}
              onClick={() => {
                remember('stack.raw', isRaw ? '' : 'yes')
                setRaw(!isRaw)
              }}
            >
              Raw
            </Button>
          )}
          <CopyButton text={raw} label="Copy" />
        </>
      }
    >
      {isRaw || chain.length === 0 ? (
        <Preformatted
          label="Stack trace as text"
          className="overflow-x-auto px-3 py-2 font-mono text-s/[19px]"
        >
          <Text>{raw}</Text>
        </Preformatted>
      ) : (
        shown.map((exception, index) => (
          <ExceptionBlock
            key={index}
            exception={exception}
            joint={
              index === 0
                ? undefined
                : relationWords(order === 'newest' ? exception.relation : shown[index - 1]?.relation, order)
            }
            platform={platform}
            order={order}
            fold={frames === 'app'}
            raises={!showsThread}
            isFirst={order === 'newest' ? index === 0 : index === shown.length - 1}
          />
        ))
      )}
    </Panel>
  )
}

function ExceptionBlock({
  exception,
  joint,
  platform,
  order,
  fold,
  raises,
  isFirst,
}: {
  exception: ExceptionEntry
  joint: string | undefined
  platform: string
  order: Order
  fold: boolean
  raises: boolean
  isFirst: boolean
}) {
  const mechanism = exception.mechanism
  const isNamed = Boolean(exception.type || exception.value)
  const frames: Frame[] = exception.frames ?? []
  return (
    <div>
      {joint && <p className="border-line border-b bg-sunk px-3 py-1 text-ink2 text-s italic">{joint}</p>}
      {isNamed && (
        <div className="group flex items-start gap-2 border-line border-b bg-error-soft px-3 py-2">
          <p className="min-w-0 flex-1 [overflow-wrap:anywhere]">
            <b className="font-semibold text-error">
              <Text>
                {exception.module && platform !== 'javascript'
                  ? `${exception.module}.${exception.type ?? ''}`
                  : exception.type}
              </Text>
            </b>
            {exception.value && (
              <>
                : <Text>{cut(exception.value, longMessage)}</Text>
              </>
            )}{' '}
            {mechanism?.type && mechanism.type !== 'generic' && (
              <Chip title={mechanism.handled === false ? 'Not handled by the code' : undefined}>
                <Text>{mechanism.type}</Text>
              </Chip>
            )}
            {mechanism?.help_link && <HelpLink address={mechanism.help_link} />}
          </p>
          <CopySign text={headline(exception)} label="Copy the message" className="hover:bg-surface" />
        </div>
      )}
      {frames.length > 0 ? (
        <Frames
          frames={frames}
          platform={platform}
          order={order}
          fold={fold}
          raises={raises}
          opens={isFirst}
        />
      ) : (
        <p className="border-line border-b px-3 py-2 text-ink3 text-s last:border-0">
          No frames were sent with it.
        </p>
      )}
    </div>
  )
}

/** Where the SDK says that this kind of error is explained. Anybody may have written it, so it says where it leads. */
export function HelpLink({ address }: { address: string }) {
  const followed = webAddress(address)
  const shown = cut(address, 80)
  return (
    <span className="mt-0.5 block text-ink2 text-s" title={cut(address, 1000)}>
      Help from the SDK:{' '}
      {followed ? (
        <WebLink address={followed}>{shown}</WebLink>
      ) : (
        <>
          <Text>{shown}</Text> <span className="text-ink3">(not a web address)</span>
        </>
      )}
    </span>
  )
}

function crashedIndex(threads: Thread[]): number {
  const shown = threads.filter(thread => thread.frames?.length || thread.crashed)
  const crashed = shown.findIndex(thread => thread.crashed)
  return crashed >= 0 ? crashed : shown.findIndex(thread => thread.current)
}

function threadName(thread: Thread): string {
  const name = thread.name || `Thread ${thread.id ?? ''}`.trim()
  return thread.crashed ? `${name} (crashed)` : thread.current ? `${name} (current)` : name
}
