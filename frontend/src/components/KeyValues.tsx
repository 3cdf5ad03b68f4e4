/** Names and values from events: a table whose long values fold and whose nothing stands out. */
import { useState } from 'react'
import { kindOf, pairsOf, textOf, type ValueKind } from '@/lib/value'
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

export function Value({ value, coloured = true }: { value: unknown; coloured?: boolean }) {
  const [open, setOpen] = useState(false)
  const kind = kindOf(value)
  const text = textOf(value, open && kind === 'structure' ? 2 : 0)
  const isLong = textOf(value).length > foldAt
  const shown = isLong && !open ? `${text.slice(0, foldAt)}…` : text
  return (
    <span className={classes('whitespace-pre-wrap [overflow-wrap:anywhere]', coloured && colours[kind])}>
      {kind === 'string' ? <LinkedText>{shown}</LinkedText> : <Text>{shown}</Text>}
      {(isLong || (kind === 'structure' && text.length > 60)) && (
        <button
          type="button"
          onClick={() => setOpen(!open)}
          className="ml-1.5 font-sans text-accent text-xs"
          aria-expanded={open}
        >
          {open ? 'fold' : 'unfold'}
        </button>
      )}
    </span>
  )
}

/** A map, or list of pairs, as rows. Shows the first `limit` and the rest on request. */
export function KeyValues({
  of,
  label,
  limit = 40,
  mono = true,
}: {
  of: unknown
  label: string
  limit?: number
  mono?: boolean
}) {
  const [all, setAll] = useState(false)
  const pairs = pairsOf(of)
  if (pairs.length === 0) return null
  return (
    <>
      <table aria-label={label} className={classes('w-full table-fixed text-s', mono && 'font-mono')}>
        <tbody>
          {pairs.slice(0, all ? undefined : limit).map(([name, value], index) => (
            <tr key={`${name} ${index}`} className="align-top">
              <th
                scope="row"
                className="w-[34%] py-0.5 pr-4 md:w-52 text-left font-normal text-ink3 [overflow-wrap:anywhere]"
              >
                <Text>{name}</Text>
              </th>
              <td className="py-0.5">
                <Value value={value} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {pairs.length > limit && !all && (
        <button type="button" className="mt-1 text-accent text-s" onClick={() => setAll(true)}>
          {pairs.length - limit} more
        </button>
      )}
    </>
  )
}
