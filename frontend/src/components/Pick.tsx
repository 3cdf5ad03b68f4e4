/** One choice from a list, in a small button that shows the choice. */
import { Select } from '@base-ui/react/select'
import { Check, ChevronDown } from 'lucide-react'
import type { ReactNode } from 'react'
import { buttonClasses } from './Button'
import { classes } from './classes'

export type Option = { value: string; label: string }

const popup =
  'min-w-[var(--anchor-width)] max-h-[min(var(--available-height),24rem)] overflow-y-auto rounded-l border border-edge bg-raised p-1 shadow-floating outline-none'
const item =
  'flex min-h-7 cursor-pointer items-center gap-2 rounded-s px-2 text-ink outline-none data-highlighted:bg-accent-soft phone:min-h-10'

export function Pick({
  label,
  value,
  options,
  onChange,
  prefix,
  small,
}: {
  label: string
  value: string
  options: Option[]
  onChange: (value: string) => void
  prefix?: ReactNode
  small?: boolean
}) {
  const chosen = options.find(option => option.value === value)
  return (
    <Select.Root items={options} value={value} onValueChange={next => onChange(String(next))} modal={false}>
      <Select.Trigger aria-label={label} className={classes(buttonClasses({ small }), 'max-w-[15rem]')}>
        {prefix && <span className="text-ink3">{prefix}</span>}
        <span className="truncate">{chosen?.label ?? value}</span>
        <ChevronDown size={12} aria-hidden className="shrink-0 text-ink3" />
      </Select.Trigger>
      <Select.Portal>
        <Select.Positioner
          sideOffset={4}
          alignItemWithTrigger={false}
          align="start"
          className="z-20 outline-none"
        >
          <Select.Popup className={popup}>
            <Select.List>
              {options.map(option => (
                <Select.Item key={option.value} value={option.value} className={item}>
                  <span className="grid w-3.5 place-items-center">
                    <Select.ItemIndicator>
                      <Check size={13} aria-hidden />
                    </Select.ItemIndicator>
                  </span>
                  <Select.ItemText className="max-w-[20rem] truncate">{option.label}</Select.ItemText>
                </Select.Item>
              ))}
            </Select.List>
          </Select.Popup>
        </Select.Positioner>
      </Select.Portal>
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
  const names = options.filter(option => values.includes(option.value)).map(option => option.label)
  const unknown = values.filter(value => !options.some(option => option.value === value))
  const shown = [...names, ...unknown]
  return (
    <Select.Root
      items={options}
      multiple
      value={values}
      onValueChange={next => onChange(next as string[])}
      modal={false}
    >
      <Select.Trigger
        aria-label={label}
        className={classes(
          buttonClasses(),
          'max-w-[15rem]',
          shown.length > 0 && 'border-accent! bg-accent-soft! text-accent!',
        )}
      >
        <span className="truncate">{shown.length ? shown.join(', ') : all}</span>
        <ChevronDown size={12} aria-hidden className="shrink-0" />
      </Select.Trigger>
      <Select.Portal>
        <Select.Positioner
          sideOffset={4}
          alignItemWithTrigger={false}
          align="start"
          className="z-20 outline-none"
        >
          <Select.Popup className={popup}>
            <Select.List>
              {[...options, ...unknown.map(value => ({ value, label: value }))].map(option => (
                <Select.Item key={option.value} value={option.value} className={item}>
                  <span className="grid size-3.5 place-items-center rounded-[3px] border border-edge">
                    <Select.ItemIndicator>
                      <Check size={12} aria-hidden />
                    </Select.ItemIndicator>
                  </span>
                  <Select.ItemText className="max-w-[20rem] truncate">{option.label}</Select.ItemText>
                </Select.Item>
              ))}
            </Select.List>
          </Select.Popup>
        </Select.Positioner>
      </Select.Portal>
    </Select.Root>
  )
}
