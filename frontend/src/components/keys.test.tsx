// @vitest-environment jsdom
import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import { Keys, useKeys } from './keys'

function Page({ run }: { run: () => void }) {
  useKeys([{ key: 'e', does: 'Resolve', run }])
  return (
    <>
      <input aria-label="Words" />
      <Keys />
    </>
  )
}

it('a key calls what the page named', async () => {
  const run = vi.fn()
  render(<Page run={run} />)
  await userEvent.keyboard('e')
  expect(run).toHaveBeenCalledTimes(1)
})

it('keys never fire in a field, nor with the keys of the browser', async () => {
  const run = vi.fn()
  render(<Page run={run} />)
  await userEvent.click(screen.getByLabelText('Words'))
  await userEvent.keyboard('e')
  await userEvent.keyboard('{Control>}e{/Control}')
  expect(run).not.toHaveBeenCalled()
  expect((screen.getByLabelText('Words') as HTMLInputElement).value).toBe('e')
})

it('a question mark lists the keys of the page', async () => {
  render(<Page run={() => undefined} />)
  await userEvent.keyboard('?')
  expect(await screen.findByRole('dialog')).toBeTruthy()
  expect(screen.getByText('Resolve')).toBeTruthy()
})
