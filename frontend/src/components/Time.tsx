/** Times: relative ones that keep themselves current, absolute ones, always with every form in the tooltip. */
import { useEffect, useState } from 'react'
import { absolute, age, ago, everyForm, nextChange } from '@/lib/time'

/** The current time in milliseconds, renewed as often as a text about `since` can change. */
export function useNow(since: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setTimeout(() => setNow(Date.now()), nextChange(now - since))
    return () => clearTimeout(timer)
  }, [now, since])
  return Math.max(now, since)
}

export function Age({ time, long = false }: { time: string; long?: boolean }) {
  const moment = Date.parse(time)
  const now = useNow(moment)
  if (Number.isNaN(moment)) return null
  return (
    <time dateTime={time} title={everyForm(new Date(moment))}>
      {long ? ago(now - moment) : age(now - moment)}
    </time>
  )
}

export function Absolute({ time }: { time: string }) {
  const moment = new Date(time)
  if (Number.isNaN(moment.getTime())) return null
  return (
    <time dateTime={time} title={everyForm(moment)}>
      {absolute(moment)}
    </time>
  )
}
