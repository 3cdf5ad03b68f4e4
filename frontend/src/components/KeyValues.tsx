/** Names and values from events: a table whose long values fold and whose nothing stands out. */
import { useState } from 'react'
import { kindOf, pairsOf, textOf, type ValueKind } from '@/lib/value'
import { LinkButton } from './Button'
import { classes } from './classes'
import { LinkedText, Text } from './Text'

const colours: Record<ValueKind, string> = {
  string: 'text-ink',
  number: 'text-[var(--code-number)]',
  boolean: 'text-[var(--code-keyword)]',
  nothing: 'font-semibold text-error',
  structure: 'text-ink',
  removed: 'italic text-ink3',
}

const foldAt = 240

export function Value({ value, isQuiet = false }: { value: unknown; isQuiet?: boolean }) {
  const [open, setOpen] = useState(false)
  const kind = kindOf(value)
  const text = textOf(value, open && kind === 'structure' ? 2 : 0)
  const isLong = textOf(value).length > foldAt
  const shown = isLong && !open ? `${text.slice(0, foldAt)}…` : text
  return (
    <span
      className={classes(
        'whitespace-pre-wrap [overflow-wrap:anywhere]',
        kind === 'nothing' && isQuiet ? 'text-ink3' : colours[kind],
      )}
    >
      {kind === 'string' ? <LinkedText>{shown}</LinkedText> : <Text>{shown}</Text>}
      {(isLong || (kind === 'structure' && text.length > 60)) && (
        <LinkButton onClick={() => setOpen(!open)} className="ml-1.5 font-sans" aria-expanded={open}>
          {open ? 'fold' : 'unfold'}
        </LinkButton>
      )}
    </span>
  )
}

/** What a scrubbed list of pairs is left with: one pair that has the mark for its name, and no value. */
function isRemoved(name: string, value: unknown): boolean {
  return kindOf(name) === 'removed' && (value === '' || value === null || value === undefined)
}

/** A map, or list of pairs, as rows. Shows the first `limit` and the rest on request. */
export function KeyValues({
  of,
  label,
  limit = 40,
  mono = true,
  isQuiet = false,
}: {
  of: unknown
  label: string
  limit?: number
  mono?: boolean
  /** Whether an absent value is nothing to look at: it is in a context, it is not among the values of a frame. */
  isQuiet?: boolean
}) {
  const [all, setAll] = useState(false)
  const pairs = pairsOf(of)
  if (pairs.length === 0) return null
  return (
    <>
      <table aria-label={label} className={classes('w-full table-fixed text-s', mono && 'font-mono')}>
        <tbody>
          {pairs.slice(0, all ? undefined : limit).map(([name, value], index) =>
            isRemoved(name, value) ? (
              <tr key={index}>
                <td colSpan={2} className="py-0.5">
                  <Value value={name} />
                </td>
              </tr>
            ) : (
              <tr key={`${name} ${index}`} className="align-top">
                <th
                  scope="row"
                  className="w-[36%] py-0.5 pr-3 text-left font-normal text-ink3 [overflow-wrap:anywhere] md:w-52 md:pr-4"
                >
                  <Text>{name}</Text>
                </th>
                <td className="py-0.5">
                  <Value value={value} isQuiet={isQuiet} />
                </td>
              </tr>
            ),
          )}
        </tbody>
      </table>
      {pairs.length > limit && !all && (
        <LinkButton className="mt-1" onClick={() => setAll(true)}>
          {pairs.length - limit} more
        </LinkButton>
      )}
    </>
  )
}
