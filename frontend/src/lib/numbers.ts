/** How counts and shares read: grouped digits, compact when long, never blank. */

const grouped = new Intl.NumberFormat('en')
const compacted = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** `1,284` */
export function count(value: number): string {
  return grouped.format(value)
}

/** `1,284`, and above 99,999 `128K`; the exact value belongs in a tooltip then. */
export function compact(value: number): string {
  return value > 99_999 ? compacted.format(value) : grouped.format(value)
}

/** `1 event`, `2 events`, `0 events`; pass the plural when it is not the word with an s. */
export function counted(value: number, word: string, plural = `${word}s`): string {
  return `${count(value)} ${value === 1 ? word : plural}`
}

/** A share from 0 to 1 as `83 %`; a small one is never rounded to nothing, nor a large one to all. */
export function percent(share: number): string {
  const value = share * 100
  if (value > 0 && value < 1) return '<1 %'
  if (value > 99 && value < 100) return '>99 %'
  return `${Math.round(value)} %`
}

/** `1.5 kB` of 1000 bytes. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  if (value < 1e6) return `${(value / 1000).toFixed(1)} kB`
  return `${(value / 1e6).toFixed(1)} MB`
}
