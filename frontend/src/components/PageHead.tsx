/** The head of every page: title, its filters, the zone of its times, and on the right what the page says of itself. */
import type { ReactNode } from 'react'
import { zone } from '@/lib/time'
import { showKeys } from './keys'

export function PageHead({
  title,
  before,
  aside,
  children,
  withZone = true,
}: {
  title: ReactNode
  before?: ReactNode
  aside?: ReactNode
  children?: ReactNode
  withZone?: boolean
}) {
  return (
    <header className="flex min-h-[46px] flex-wrap items-center gap-2 border-line border-b bg-surface px-2.5 py-2 md:px-4">
      {before}
      {typeof title === 'string' ? <h1 className="font-[650] text-h2 tracking-[-0.01em]">{title}</h1> : title}
      {children}
      {withZone && <span className="text-ink3 text-s phone:hidden">times in {zone}</span>}
      <div className="ml-auto flex items-center gap-3">
        {aside}
        <button
          type="button"
          title="Keys on this page"
          aria-label="Keys on this page"
          onClick={showKeys}
          className="grid h-6 min-w-6 place-items-center rounded-m hover:bg-sunk phone:hidden"
        >
          <kbd className="kbd">?</kbd>
        </button>
      </div>
    </header>
  )
}
