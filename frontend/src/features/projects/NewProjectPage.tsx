/** Making a project: a name, the slug that follows from it, a platform; then straight to set-up. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, type ReactNode, useId, useState } from 'react'
import { ApiError, api, unwrap } from '@/api/client'
import { projectQuery } from '@/api/projects'
import { Button } from '@/components/Button'
import { classes } from '@/components/classes'
import { PageHead } from '@/components/PageHead'
import { useTitle } from '@/components/title'
import { slugOf } from '@/lib/text'

const platforms: [string, string][] = [
  ['python', 'Python'],
  ['django', 'Django'],
  ['flask', 'Flask'],
  ['fastapi', 'FastAPI'],
  ['node', 'Node.js'],
  ['javascript', 'Browser JS'],
  ['react', 'React'],
  ['go', 'Go'],
  ['java', 'Java'],
  ['php', 'PHP'],
  ['ruby', 'Ruby'],
  ['csharp', '.NET'],
]

export function NewProjectPage() {
  const client = useQueryClient()
  useTitle('New project')
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [ownSlug, setOwnSlug] = useState<string>()
  const [platform, setPlatform] = useState('')
  const slug = ownSlug ?? slugOf(name)
  const create = useMutation({
    mutationFn: () => unwrap(api.POST('/api/projects/', { body: { name: name.trim(), slug, platform } })),
    onSuccess: project => {
      client.setQueryData(projectQuery(project.slug).queryKey, project)
      void client.invalidateQueries({ queryKey: ['projects'], exact: true })
      void navigate({ to: '/p/$project/setup', params: { project: project.slug } })
    },
  })
  const fields = create.error instanceof ApiError ? create.error.fields : {}
  const isFieldError = Object.keys(fields).some(field => field === 'name' || field === 'slug')
  function submit(event: FormEvent) {
    event.preventDefault()
    if (name.trim() && slug) create.mutate()
  }
  return (
    <>
      <PageHead title="New project" withZone={false} />
      <form onSubmit={submit} className="mx-auto flex max-w-[34rem] flex-col gap-4 px-4 py-6" noValidate>
        <p className="text-ink2">
          A project is one application that sends events: a site, a service, an app.
        </p>
        <Field label="Name" errors={fields.name}>
          {attributes => (
            <input
              {...attributes}
              ref={focusOnce}
              value={name}
              maxLength={200}
              onChange={event => setName(event.target.value)}
              placeholder="Storefront web"
              autoComplete="off"
            />
          )}
        </Field>
        <Field label="Slug" note="names the project in addresses and issue ids" errors={fields.slug}>
          {attributes => (
            <input
              {...attributes}
              value={slug}
              maxLength={50}
              onChange={event =>
                setOwnSlug(
                  event.target.value
                    ? event.target.value.toLowerCase().replace(/[^a-z0-9_-]/g, '-')
                    : undefined,
                )
              }
              placeholder="storefront-web"
              autoComplete="off"
              spellCheck={false}
            />
          )}
        </Field>
        <fieldset>
          <legend className="mb-1 font-medium">
            Platform <span className="font-normal text-ink3">for the right snippet; can be left open</span>
          </legend>
          <div className="flex flex-wrap gap-1.5">
            {platforms.map(([id, label]) => (
              <label
                key={id}
                className={classes(
                  'cursor-pointer rounded-m border px-2.5 py-1 has-focus-visible:outline-2 has-focus-visible:outline-accent has-focus-visible:outline-offset-1 phone:min-h-11 phone:py-2.5',
                  platform === id
                    ? 'border-accent bg-accent-soft font-semibold text-accent'
                    : 'border-edge bg-surface text-ink2 hover:bg-sunk',
                )}
              >
                <input
                  type="radio"
                  name="platform"
                  value={id}
                  checked={platform === id}
                  onChange={() => setPlatform(id)}
                  className="sr-only"
                />
                {label}
              </label>
            ))}
          </div>
        </fieldset>
        {create.isError && !isFieldError && (
          <p role="alert" className="text-error">
            {create.error.message}
          </p>
        )}
        <div>
          <Button type="submit" rank="primary" disabled={!name.trim() || !slug || create.isPending}>
            {create.isPending ? 'Creating…' : 'Create project'}
          </Button>
        </div>
      </form>
    </>
  )
}

/** The page has one thing to do, so the caret is in its first field. */
function focusOnce(input: HTMLInputElement | null) {
  input?.focus({ preventScroll: true })
}

type FieldAttributes = {
  id: string
  className: string
  'aria-invalid': boolean
  'aria-describedby': string | undefined
}

function Field({
  label,
  note,
  errors,
  children,
}: {
  label: string
  note?: string
  errors?: string[]
  children: (attributes: FieldAttributes) => ReactNode
}) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label} {note && <span className="font-normal text-ink3">{note}</span>}
      </label>
      {children({
        id,
        className: classes(
          'h-8 w-full rounded-m border bg-surface px-2.5 phone:h-11',
          errors ? 'border-error' : 'border-edge',
        ),
        'aria-invalid': Boolean(errors),
        'aria-describedby': errors ? `${id}-error` : undefined,
      })}
      {errors && (
        <p id={`${id}-error`} role="alert" className="mt-1 text-error text-s">
          {errors.join(' ')}
        </p>
      )}
    </div>
  )
}
