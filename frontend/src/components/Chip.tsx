/** Small words beside a thing: neutral chips and status words. */
import type { ReactNode } from 'react'
import { classes } from './classes'

export type Tone = 'quiet' | 'info' | 'warning' | 'error' | 'ok'

const tones: Record<Tone, string> = {
  quiet: 'bg-sunk text-ink2',
  info: 'bg-info-soft text-info',
  warning: 'bg-warning-soft text-warning',
  error: 'bg-error-soft text-error',
  ok: 'bg-ok-soft text-ok',
}

export function Chip({ children, title, small }: { children: ReactNode; title?: string; small?: boolean }) {
  return (
    <span
      title={title}
      className={classes(
        'inline-block max-w-full truncate rounded-s border border-line bg-sunk px-[5px] align-middle text-ink2',
        small ? 'text-2xs/[14px]' : 'text-xs/[17px]',
      )}
    >
      {children}
    </span>
  )
}

export function StatusWord({ tone, children, title }: { tone: Tone; children: ReactNode; title?: string }) {
  return (
    <span
      title={title}
      className={classes(
        'inline-block shrink-0 whitespace-nowrap rounded-s px-1.5 font-semibold text-xs/[18px]',
        tones[tone],
      )}
    >
      {children}
    </span>
  )
}
