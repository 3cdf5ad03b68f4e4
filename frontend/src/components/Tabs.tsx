/** A row of words below a page's head, one of them current: views of a list, parts of a page. */
import type { ReactNode } from 'react'
import { classes } from './classes'

export function Tabs<Value extends string>({
  label,
  value,
  options,
  onChange,
  className,
}: {
  label: string
  value: Value | undefined
  options: { value: Value; text: string; amount?: number | string; hotkey?: string }[]
  onChange: (value: Value) => void
  className?: string
}) {
  return (
    <nav
      aria-label={label}
      className={classes('flex gap-0.5 overflow-x-auto border-line border-b px-2 md:px-3', className)}
    >
      {options.map(option => (
        <button
          key={option.value}
          type="button"
          aria-current={option.value === value ? 'true' : undefined}
          onClick={() => onChange(option.value)}
          className={classes(
            '-mb-px flex items-center gap-[5px] whitespace-nowrap border-b-2 px-2 py-[7px] -outline-offset-2 phone:py-3',
            option.value === value
              ? 'border-accent font-semibold text-ink'
              : 'border-transparent text-ink2 hover:text-ink',
          )}
        >
          {option.hotkey && <Kbd>{option.hotkey}</Kbd>}
          {option.text}
          {option.amount !== undefined && (
            <span className="font-medium text-ink3 text-xs">{option.amount}</span>
          )}
        </button>
      ))}
    </nav>
  )
}

/** A key as it is written on the part that it works; nothing to a phone, nothing to who listens. */
function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="kbd phone:hidden" aria-hidden>
      {children}
    </kbd>
  )
}
