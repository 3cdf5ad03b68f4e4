/** Buttons of the three ranks, their key written on them when they have one. */
import type { ComponentProps, ReactNode } from 'react'
import { classes } from './classes'

type Rank = 'primary' | 'plain' | 'ghost'
type Props = ComponentProps<'button'> & { rank?: Rank; small?: boolean; hotkey?: string; icon?: ReactNode }

export function buttonClasses({
  rank = 'plain',
  small = false,
}: {
  rank?: Rank
  small?: boolean
} = {}): string {
  return classes(
    'inline-flex shrink-0 items-center gap-1.5 whitespace-nowrap rounded-m border font-medium',
    'disabled:opacity-55',
    small ? 'h-6 px-[7px] text-s phone:h-9' : 'h-7 px-[9px] phone:h-11',
    rank === 'primary' && 'border-accent bg-accent font-semibold text-on-accent enabled:hover:opacity-90',
    rank === 'plain' && 'border-edge bg-surface text-ink hover:bg-sunk',
    rank === 'ghost' && 'border-transparent text-ink2 hover:bg-sunk hover:text-ink',
  )
}

export function Button({ rank, small, hotkey, icon, className, children, type = 'button', ...rest }: Props) {
  return (
    <button
      type={type}
      className={classes(buttonClasses({ rank, small }), className)}
      aria-keyshortcuts={hotkey}
      {...rest}
    >
      {icon}
      {children}
      {hotkey && (
        <span aria-hidden className={rank === 'primary' ? 'opacity-85 phone:hidden' : 'kbd phone:hidden'}>
          {hotkey}
        </span>
      )}
    </button>
  )
}

/** A button that reads as a link, for what is less than a button: more of something, another selection. */
export function LinkButton({ className, ...rest }: ComponentProps<'button'>) {
  return (
    <button
      type="button"
      className={classes('font-medium text-accent text-s hover:underline phone:min-h-9', className)}
      {...rest}
    />
  )
}

/** A few choices in one frame, one of them on. */
export function Segments<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string
  value: Value
  options: { value: Value; text: ReactNode; title?: string }[]
  onChange: (value: Value) => void
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring its own layout
    <div
      role="group"
      aria-label={label}
      className="inline-flex shrink-0 overflow-hidden rounded-m border border-edge bg-sunk"
    >
      {options.map(option => (
        <button
          key={option.value}
          type="button"
          title={option.title}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
          className={classes(
            'h-[22px] px-[9px] text-s -outline-offset-2 phone:h-9',
            option.value === value
              ? 'bg-surface font-semibold text-ink ring-1 ring-edge'
              : 'text-ink2 hover:text-ink',
          )}
        >
          {option.text}
        </button>
      ))}
    </div>
  )
}
