/** Choices from a list that opens below a small button: one of them, or any number. */
import { Select } from '@base-ui/react/select'
import { Check, ChevronDown } from 'lucide-react'
import type { ReactNode } from 'react'
import { buttonClasses } from './Button'
import { classes } from './classes'

export type Option = { value: string; label: string }

/** The list that opens; its children are `Choice`s. */
export function Choices({ className, children }: { className?: string; children: ReactNode }) {
  return (
    <Select.Portal>
      <Select.Positioner
        sideOffset={4}
        alignItemWithTrigger={false}
        align="start"
        className="z-20 outline-none"
      >
        <Select.Popup
          className={classes(
            'max-h-[min(var(--available-height),28rem)] min-w-[var(--anchor-width)] max-w-[calc(100vw-1rem)] overflow-y-auto rounded-l border border-edge bg-raised p-1 shadow-floating outline-none',
            className,
          )}
        >
          <Select.List>{children}</Select.List>
        </Select.Popup>
      </Select.Positioner>
    </Select.Portal>
  )
}

/** A line of the list: a tick when it is chosen, in a box when others may be chosen beside it. */
export function Choice({
  value,
  label,
  isBoxed = false,
  children,
}: {
  value: string
  label: string
  isBoxed?: boolean
  children?: ReactNode
}) {
  return (
    <Select.Item
      value={value}
      className="group flex min-h-[30px] cursor-pointer items-center gap-2 rounded-s px-2 text-ink outline-none data-highlighted:bg-accent-soft phone:min-h-11"
    >
      <span
        className={classes(
          'grid size-3.5 shrink-0 place-items-center',
          isBoxed &&
            'rounded-[3px] border border-check bg-surface text-on-accent group-data-selected:border-accent group-data-selected:bg-accent',
        )}
      >
        <Select.ItemIndicator>
          <Check size={isBoxed ? 11 : 13} strokeWidth={isBoxed ? 3 : 2} aria-hidden />
        </Select.ItemIndicator>
      </span>
      <Select.ItemText className="min-w-0 max-w-[20rem] truncate">{label}</Select.ItemText>
      {children}
    </Select.Item>
  )
}

function Trigger({ label, isOn = false, small, children }: TriggerProps) {
  return (
    <Select.Trigger
      aria-label={label}
      className={classes(
        buttonClasses({ small }),
        'max-w-[15rem]',
        isOn && 'border-accent! bg-accent-soft! text-accent!',
      )}
    >
      {children}
      <ChevronDown size={12} aria-hidden className={classes('shrink-0', !isOn && 'text-ink3')} />
    </Select.Trigger>
  )
}
type TriggerProps = { label: string; isOn?: boolean; small?: boolean; children: ReactNode }

export function Pick({
  label,
  value,
  options,
  onChange,
  prefix,
  small,
  isOn = false,
}: {
  label: string
  value: string
  options: Option[]
  onChange: (value: string) => void
  prefix?: ReactNode
  small?: boolean
  /** Whether the choice narrows what is shown. */
  isOn?: boolean
}) {
  const chosen = options.find(option => option.value === value)?.label ?? value
  return (
    <Select.Root items={options} value={value} onValueChange={next => onChange(String(next))} modal={false}>
      <Trigger label={`${label}: ${chosen}`} small={small} isOn={isOn}>
        {prefix && <span className="text-ink3">{prefix}</span>}
        <span className="truncate">{chosen}</span>
      </Trigger>
      <Choices>
        {options.map(option => (
          <Choice key={option.value} {...option} />
        ))}
      </Choices>
    </Select.Root>
  )
}

/** Any number of choices; none chosen means all. */
export function PickMany({
  label,
  all,
  values,
  options,
  onChange,
}: {
  label: string
  all: string
  values: string[]
  options: Option[]
  onChange: (values: string[]) => void
}) {
  const unknown = values.filter(value => !options.some(option => option.value === value))
  const offered = [...options, ...unknown.map(value => ({ value, label: value }))]
  const shown = offered.filter(option => values.includes(option.value)).map(option => option.label)
  const text = shown.length > 0 ? shown.join(', ') : all
  return (
    <Select.Root
      items={offered}
      multiple
      value={values}
      onValueChange={next => onChange(next as string[])}
      modal={false}
    >
      <Trigger label={`${label}: ${text}`} isOn={shown.length > 0}>
        <span className="truncate">{text}</span>
      </Trigger>
      <Choices>
        {offered.map(option => (
          <Choice key={option.value} {...option} isBoxed />
        ))}
        {offered.length === 0 && <p className="px-2 py-1.5 text-ink3">None seen yet.</p>}
      </Choices>
    </Select.Root>
  )
}
