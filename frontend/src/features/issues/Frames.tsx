/** The frames of one stack. Closed frames hold no code, so that two hundred of them cost little. */

import { ChevronDown, ChevronRight } from 'lucide-react'
import { useId, useMemo, useState } from 'react'
import { Chip } from '@/components/Chip'
import { CopySign } from '@/components/Copy'
import { classes } from '@/components/classes'
import { CodeLine, useHighlighted } from '@/components/Highlighted'
import { KeyValues } from '@/components/KeyValues'
import { Preformatted } from '@/components/Preformatted'
import { Text } from '@/components/Text'
import { languageOf } from '@/lib/code-language'
import type { Frame } from '@/lib/event'
import { location, type Order, openIndex, packages, place, rows } from '@/lib/frames'
import { counted } from '@/lib/numbers'
import { cut } from '@/lib/text'

export function Frames({
  frames,
  platform,
  order,
  fold,
  opens,
  raises = true,
}: {
  frames: Frame[]
  platform: string
  order: Order
  fold: boolean
  opens: boolean
  /** Whether the newest frame raised something; a thread's only ran. */
  raises?: boolean
}) {
  const first = openIndex(frames)
  const [open, setOpen] = useState<ReadonlySet<number>>(() => new Set(opens ? [first] : []))
  const [unfolded, setUnfolded] = useState<ReadonlySet<number>>(new Set())
  const shown = useMemo(() => rows(frames, { order, fold }), [frames, order, fold])
  const hasInApp = frames.some(frame => frame.in_app)
  const raisedAt = raises ? frames.length - 1 : -1

  const frameRow = (frame: Frame, index: number) => (
    <FrameRow
      key={index}
      frame={frame}
      platform={platform}
      isOpen={open.has(index)}
      isRaised={index === raisedAt}
      onToggle={() => setOpen(before => toggled(before, index))}
    />
  )
  return (
    <ol aria-label={order === 'newest' ? 'Frames, newest first' : 'Frames, oldest first'}>
      {shown.map(row => {
        if (row.kind === 'frame') return frameRow(row.frame, row.index)
        const key = row.frames[0]?.index ?? 0
        const isUnfolded = unfolded.has(key)
        const from = packages(row.frames.map(each => each.frame))
        return [
          <li key={`run ${key}`} className="border-line border-b last:border-0">
            <button
              type="button"
              aria-expanded={isUnfolded}
              onClick={() => setUnfolded(before => toggled(before, key))}
              className="flex h-[27px] w-full items-center gap-1.5 bg-sunk px-2.5 text-left text-ink2 text-s -outline-offset-2 phone:h-11"
            >
              {isUnfolded ? <ChevronDown size={12} aria-hidden /> : <ChevronRight size={12} aria-hidden />}
              <span className="shrink-0">
                {counted(row.frames.length, hasInApp ? 'library frame' : 'more frame')}
              </span>
              <span className="truncate text-ink3">
                <Text>{from}</Text>
              </span>
              {row.frames.some(each => each.index === raisedAt) && (
                <span className="ml-auto">
                  <Chip>raised here</Chip>
                </span>
              )}
            </button>
          </li>,
          ...(isUnfolded ? row.frames.map(each => frameRow(each.frame, each.index)) : []),
        ]
      })}
      {!hasInApp && frames.length > 1 && (
        <li className="px-3 py-1.5 text-ink3 text-xs">No frame is marked as the application's own.</li>
      )}
    </ol>
  )
}

function toggled(before: ReadonlySet<number>, value: number): Set<number> {
  const next = new Set(before)
  if (!next.delete(value)) next.add(value)
  return next
}

function FrameRow({
  frame,
  platform,
  isOpen,
  isRaised,
  onToggle,
}: {
  frame: Frame
  platform: string
  isOpen: boolean
  isRaised: boolean
  onToggle: () => void
}) {
  const body = useId()
  const hasBody = Boolean(
    frame.context_line || frame.why || frame.map || (frame.vars && Object.keys(frame.vars).length > 0),
  )
  const where = location(frame)
  const path = place(frame)
  const head = (
    <>
      <span className="w-3 shrink-0 text-ink3">
        {hasBody && (isOpen ? <ChevronDown size={12} aria-hidden /> : <ChevronRight size={12} aria-hidden />)}
      </span>
      <span className="min-w-0 truncate font-mono">
        <b className={frame.in_app ? 'font-semibold' : 'font-normal'}>
          <Text>{frame.function || '?'}</Text>
        </b>{' '}
        <span className="ml-2 text-ink2" title={frame.abs_path ?? undefined}>
          <Text>{path}</Text>
        </span>
        <span className="text-ink3">{where.slice(path.length)}</span>
      </span>
      <span className="ml-auto flex shrink-0 items-center gap-1.5">
        {frame.why && (
          <span className="rounded-s bg-warning-soft px-[5px] font-medium text-warning text-xs/[17px]">
            not mapped<span className="phone:sr-only"> — why?</span>
          </span>
        )}
        {isRaised && <Chip>raised here</Chip>}
      </span>
    </>
  )
  const shape =
    'flex h-[30px] w-full min-w-0 items-center gap-[7px] px-2.5 text-left text-s -outline-offset-2 phone:h-11'
  return (
    <li className={classes('border-line border-b last:border-0', !frame.in_app && 'text-ink2')}>
      <div
        className={classes(
          'group relative flex items-center',
          isOpen && hasBody && 'border-line border-b bg-sunk',
        )}
      >
        {hasBody ? (
          <button
            type="button"
            aria-expanded={isOpen}
            aria-controls={isOpen ? body : undefined}
            onClick={onToggle}
            className={shape}
          >
            {head}
          </button>
        ) : (
          <div className={shape}>{head}</div>
        )}
        <CopySign
          text={where}
          label="Copy the place"
          className={classes(
            'absolute bg-surface opacity-0 focus-visible:opacity-100 group-hover:opacity-100 phone:hidden',
            besideChips[Number(Boolean(frame.why)) * 2 + Number(isRaised)],
          )}
        />
      </div>
      {isOpen && hasBody && (
        <div id={body}>
          {frame.why && <NotMapped why={frame.why} />}
          <Source frame={frame} platform={platform} />
          {frame.vars && Object.keys(frame.vars).length > 0 && (
            <div className="border-line border-t px-3 py-1.5 md:pl-[34px]">
              <KeyValues of={frame.vars} label={`Values in ${frame.function || 'the frame'}`} limit={20} />
            </div>
          )}
          {frame.map && <MappedFrom frame={frame} map={frame.map} />}
        </div>
      )}
    </li>
  )
}

/** Why the frame is as the bundle has it, in the server's words, and what there would have been to read it with. */
function NotMapped({ why }: { why: NonNullable<Frame['why']> }) {
  const names = why.names ?? []
  return (
    <div className="px-3 py-2 text-s md:pl-[34px]">
      <p className="[overflow-wrap:anywhere]">
        <Text>{why.text}</Text>
      </p>
      {names.length > 0 && (
        <ul aria-label="What there is instead" className="mt-1 flex flex-wrap gap-1.5">
          {names.map(name => (
            <li key={name} className="max-w-full">
              <Chip>
                <span className="font-mono">
                  <Text>{cut(name, 120)}</Text>
                </span>
              </Chip>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function MappedFrom({ frame, map }: { frame: Frame; map: string }) {
  return (
    <p className="border-line border-t border-dashed px-3 py-1.5 text-ink2 text-xs [overflow-wrap:anywhere] md:pl-[34px]">
      Mapped from{' '}
      {frame.raw && (
        <span className="font-mono">
          <Text>{cut(location(frame.raw), 300)}</Text>
        </span>
      )}{' '}
      with{' '}
      <span className="font-mono">
        <Text>{cut(map, 200)}</Text>
      </span>
    </p>
  )
}

/** Where the sign to copy stands: left of no chip, of “raised here”, of “not mapped”, of both. */
const besideChips = ['right-1.5', 'right-[92px]', 'right-[122px]', 'right-[208px]']

/** A minified bundle is one endless line: show what is around the column. */
const longLine = 400

function Source({ frame, platform }: { frame: Frame; platform: string }) {
  const before = frame.pre_context ?? []
  const line = frame.context_line
  const after = frame.post_context ?? []
  const lines = useMemo(
    () => [...before, ...(line === null || line === undefined ? [] : [line]), ...after],
    [before, line, after],
  )
  const start = (frame.lineno ?? 0) - before.length
  const isShort = lines.every(text => text.length <= longLine)
  const runs = useHighlighted(lines, isShort ? languageOf(frame.filename, platform) : undefined)
  if (line === null || line === undefined || lines.length === 0) return null
  return (
    <Preformatted
      label={`Source around line ${frame.lineno ?? 'of the error'}`}
      className="overflow-x-auto py-[5px] font-mono text-s/[19px] -outline-offset-2"
    >
      <code className="block w-max min-w-full">
        {lines.map((text, index) => {
          const isHere = index === before.length
          return (
            <span
              key={index}
              className={classes(
                'block min-h-[19px] pr-2.5',
                isHere && 'bg-mark shadow-[inset_3px_0_var(--mark-line)]',
              )}
            >
              <span aria-hidden className="inline-block w-[46px] select-none pr-3.5 text-right text-ink3">
                {frame.lineno ? start + index : ''}
              </span>
              {isHere && <span className="sr-only">Line {frame.lineno}, here: </span>}
              {text.length > longLine ? (
                <LongLine text={text} column={isHere ? (frame.colno ?? 0) : 0} />
              ) : (
                <CodeLine text={text} runs={runs?.[index]} />
              )}
              {'\n'}
            </span>
          )
        })}
      </code>
    </Preformatted>
  )
}

function LongLine({ text, column }: { text: string; column: number }) {
  const from = Math.max(0, column - 80)
  const part = text.slice(from, from + 240)
  return (
    <>
      {from > 0 && <span className="text-ink3">… </span>}
      <Text>{part}</Text>
      {from + 240 < text.length && <span className="text-ink3"> …</span>}
    </>
  )
}
