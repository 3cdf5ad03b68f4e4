/** A titled part of a page. */
import type { ReactNode } from 'react'
import { useId } from 'react'

export function Panel({
  title,
  note,
  actions,
  id,
  children,
}: {
  title: string
  note?: ReactNode
  actions?: ReactNode
  id?: string
  children: ReactNode
}) {
  const heading = useId()
  return (
    <section
      id={id}
      aria-labelledby={heading}
      className="min-w-0 scroll-mt-12 overflow-hidden rounded-l border border-line bg-surface"
    >
      <div className="flex min-h-[38px] flex-wrap items-center gap-2 border-line border-b px-2.5 py-1.5">
        <h2 id={heading} className="font-[650]">
          {title}
        </h2>
        {note && <span className="text-ink3 text-xs">{note}</span>}
        {actions && (
          <div className="ml-auto flex flex-wrap items-center gap-2 phone:contents phone:*:first:ml-auto">
            {actions}
          </div>
        )}
      </div>
      {children}
    </section>
  )
}
