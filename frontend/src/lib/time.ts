/** How times and durations read everywhere: relative, short, absolute, with the zone in sight. */

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** The largest unit that fits: `12 s`, `38 m`, `5 h`, `12 d`, `3 y`. Negative ages (clock skew) read as `now`. */
export function age(milliseconds: number): string {
  if (milliseconds < second) return 'now'
  if (milliseconds < minute) return `${Math.floor(milliseconds / second)} s`
  if (milliseconds < hour) return `${Math.floor(milliseconds / minute)} m`
  if (milliseconds < 2 * day) return `${Math.floor(milliseconds / hour)} h`
  if (milliseconds < 730 * day) return `${Math.floor(milliseconds / day)} d`
  return `${Math.floor(milliseconds / (365 * day))} y`
}

/** `age` as a phrase: `12 s ago`, `just now`. */
export function ago(milliseconds: number): string {
  const text = age(milliseconds)
  return text === 'now' ? 'just now' : `${text} ago`
}

/** Time before a crash: `−20 ms`, `−12.8 s`, `−3 m 04 s`; `0 s` at it; `+0.2 s` after it. */
export function offset(milliseconds: number): string {
  const sign = milliseconds < 0 ? '−' : milliseconds > 0 ? '+' : ''
  const size = Math.abs(milliseconds)
  if (size === 0) return '0 s'
  if (size < 100) return `${sign}${Math.round(size)} ms`
  if (size < minute) return `${sign}${(size / second).toFixed(1)} s`
  if (size < hour) {
    const seconds = Math.floor((size % minute) / second)
    return `${sign}${Math.floor(size / minute)} m ${String(seconds).padStart(2, '0')} s`
  }
  return `${sign}${age(size)}`
}

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone

const absoluteFormat = new Map<string, Intl.DateTimeFormat>()

function format(timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${timeZone} ${JSON.stringify(options)}`
  let known = absoluteFormat.get(key)
  if (!known) {
    known = new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', ...options })
    absoluteFormat.set(key, known)
  }
  return known
}

/** `Mon 23 Nov 2026, 16:04:51 CET` in the zone given, the browser's by default. */
export function absolute(time: Date, timeZone: string = zone): string {
  const parts = format(timeZone, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  }).formatToParts(time)
  const part = (type: string) => parts.find(each => each.type === type)?.value ?? ''
  return `${part('weekday')} ${part('day')} ${part('month')} ${part('year')}, ${part('hour')}:${part('minute')}:${part('second')} ${part('timeZoneName')}`
}

/** `16:04` on the same day, else `23 Nov, 16:04`. */
export function short(time: Date, now: Date, timeZone: string = zone): string {
  const date = (value: Date) =>
    format(timeZone, { day: 'numeric', month: 'short', year: 'numeric' }).format(value)
  const clock = format(timeZone, { hour: '2-digit', minute: '2-digit' }).format(time)
  if (date(time) === date(now)) return clock
  return `${format(timeZone, { day: 'numeric', month: 'short' }).format(time)}, ${clock}`
}

/** What a time's tooltip shows: here, UTC and ISO, a line each. */
export function everyForm(time: Date): string {
  return `${absolute(time)}\n${absolute(time, 'UTC')}\n${time.toISOString()}`
}

/** How long until `age` reads differently, in milliseconds, so that a clock need not tick more often. */
export function nextChange(milliseconds: number): number {
  if (milliseconds < minute) return second
  if (milliseconds < hour) return minute / 2
  return 10 * minute
}

export type Tick = { at: number; text: string }

/** Marks for an axis from `start` to `end` (milliseconds), on whole hours, days or fifths of a month of the zone, evenly
 * apart: hours on a day, days on a week, every fifth day on more. */
export function ticks(start: number, end: number, timeZone: string = zone): Tick[] {
  const span = end - start
  const clock = format(timeZone, { hour: '2-digit', minute: '2-digit' })
  const weekday = format(timeZone, { weekday: 'short', day: 'numeric' })
  const date = format(timeZone, { day: 'numeric', month: 'short' })
  // No zone is off by other than quarters of an hour.
  const step = span <= 2 * day ? 15 * minute : 30 * minute
  const found: Tick[] = []
  for (let at = Math.ceil(start / step) * step; at < end; at += step) {
    const time = clock.format(at)
    if (!time.endsWith(':00')) continue
    const isMidnight = time === '00:00'
    if (span <= 2 * day) {
      if (Number(time.slice(0, 2)) % 4 === 0) found.push({ at, text: isMidnight ? weekday.format(at) : time })
    } else if (isMidnight) {
      found.push({ at, text: span <= 10 * day ? weekday.format(at) : date.format(at) })
    }
  }
  return span > 10 * day ? found.filter((_, index) => (found.length - 1 - index) % 5 === 0) : found
}
