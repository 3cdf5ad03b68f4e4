/** Text that keeps its lines and scrolls inside its block; the keyboard reaches it to scroll. */
import type { ReactNode } from 'react'
import { classes } from './classes'

export function Preformatted({
  label,
  className,
  children,
}: {
  label: string
  className?: string
  children: ReactNode
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section would lose what pre says of its text
    <pre
      role="region"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className={classes('overflow-auto font-mono text-s/[19px] -outline-offset-2', className)}
    >
      {children}
    </pre>
  )
}
