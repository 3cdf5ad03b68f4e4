/** The project that the pages are about, and the way to another. */
import { Select } from '@base-ui/react/select'
import { ChevronDown } from 'lucide-react'
import { Choice, Choices } from '@/components/Pick'

export function ProjectSwitch({
  slug,
  names,
  onChoose,
}: {
  slug: string | undefined
  names: { name: string; slug: string }[]
  onChoose: (slug: string) => void
}) {
  const title = names.find(each => each.slug === slug)?.name ?? slug ?? 'Choose a project'
  const items = names.map(each => ({ value: each.slug, label: each.name }))
  return (
    <Select.Root
      items={items}
      value={slug ?? null}
      onValueChange={next => next && onChoose(next)}
      modal={false}
    >
      <Select.Trigger
        aria-label={`Project: ${title}`}
        title={title}
        className="flex items-center gap-[7px] rounded-[7px] border border-edge bg-surface px-2 py-[5px] text-left hover:bg-sunk md:mb-2 md:justify-center lg:justify-start phone:min-h-14 phone:min-w-14 phone:max-w-24 phone:flex-col phone:justify-center phone:gap-0.5 phone:border-0 phone:bg-transparent phone:text-2xs phone:text-ink2"
      >
        <span aria-hidden className="m-1 size-2 shrink-0 rounded-[2px] bg-bar-ok lg:m-0" />
        <span className="min-w-0 flex-1 truncate font-semibold md:hidden lg:block phone:w-full phone:flex-none phone:text-center phone:font-normal">
          {title}
        </span>
        <ChevronDown size={13} aria-hidden className="hidden shrink-0 text-ink3 lg:block" />
      </Select.Trigger>
      <Choices className="min-w-[15rem]! max-w-[22rem]!">
        {names.map(each => (
          <Choice key={each.slug} value={each.slug} label={each.name}>
            <span className="ml-auto max-w-28 truncate pl-3 font-mono text-ink3 text-xs">{each.slug}</span>
          </Choice>
        ))}
      </Choices>
    </Select.Root>
  )
}
