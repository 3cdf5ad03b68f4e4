/** A level by shape and colour, its word for those who see neither. */
import { type Level, levelOf } from '@/lib/event'
import { classes } from './classes'

const colours: Record<Level, string> = {
  fatal: 'text-fatal',
  error: 'text-error',
  warning: 'text-warning',
  info: 'text-info',
  debug: 'text-ink3',
}

/** Diamond, disc, triangle, ring, dot: told apart without colour. */
const shapes: Record<Level, React.ReactNode> = {
  fatal: <path d="M5 0 10 5 5 10 0 5z" fill="currentColor" />,
  error: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  warning: <path d="M5 .8 9.8 9.2H.2z" fill="currentColor" />,
  info: <circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" strokeWidth="1.6" />,
  debug: <circle cx="5" cy="5" r="1.8" fill="currentColor" />,
}

export function LevelGlyph({ level, size = 9 }: { level: string; size?: number }) {
  const known = levelOf(level)
  return (
    <span className={classes('inline-flex shrink-0', colours[known])} title={known}>
      <svg width={size} height={size} viewBox="0 0 10 10" aria-hidden="true">
        {shapes[known]}
      </svg>
      <span className="sr-only">{known}</span>
    </span>
  )
}
