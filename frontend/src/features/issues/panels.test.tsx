// @vitest-environment jsdom
import { render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it } from 'vitest'
import { Text } from '@/components/Text'
import type { Frame } from '@/lib/event'
import { makeEvent } from '@/test-data'
import { Breadcrumbs } from './Breadcrumbs'
import { RequestPanel } from './DataPanels'
import { hasPart } from './EventPanels'
import { Frames } from './Frames'
import { HelpLink } from './StackTrace'

const frames: Frame[] = [
  { function: 'main', filename: 'src/main.ts', lineno: 1, in_app: true, context_line: 'run()' },
  { function: 'one', filename: 'node_modules/react-dom/a.js', in_app: false },
  { function: 'two', filename: 'node_modules/react-dom/b.js', in_app: false },
  {
    function: 'fail',
    filename: 'src/fail.ts',
    lineno: 42,
    in_app: true,
    pre_context: ['before'],
    context_line: 'const total = price',
    post_context: ['after'],
    vars: { price: 'undefined', coupon: '[Filtered]' },
  },
]

it('the failing frame is open with its line marked and its values under it', () => {
  render(<Frames frames={frames} platform="javascript" order="newest" fold opens />)
  const source = screen.getByRole('region', { name: 'Source around line 42' })
  expect(source.textContent).toContain('Line 42, here: const total = price')
  const values = screen.getByRole('table', { name: 'Values in fail' })
  expect(within(values).getByText('undefined')).toBeTruthy()
  expect(within(values).getByText('removed by privacy rules')).toBeTruthy()
  expect(screen.getByText('raised here')).toBeTruthy()
})

it('library runs are counted and open in place, and open frames stay open', async () => {
  render(<Frames frames={frames} platform="javascript" order="newest" fold opens />)
  expect(screen.queryByText('one')).toBeNull()
  await userEvent.click(screen.getByRole('button', { name: /2 library frames/ }))
  expect(screen.getByText('one')).toBeTruthy()
  expect(screen.getByRole('region', { name: 'Source around line 42' })).toBeTruthy()
})

it('closed frames hold no code', () => {
  render(<Frames frames={frames} platform="javascript" order="oldest" fold={false} opens={false} />)
  expect(screen.queryByRole('region')).toBeNull()
})

it('a mapped frame names its map, one that is not says why and what there is instead', async () => {
  const mapped: Frame = {
    function: 'formatTotal',
    filename: 'src/cart.ts',
    lineno: 42,
    colno: 23,
    in_app: true,
    context_line: 'total += price',
    map: 'app.min.js.map',
    raw: {
      function: 't',
      filename: 'app.min.js',
      abs_path: 'https://x.test/app.min.js',
      lineno: 1,
      colno: 48213,
    },
  }
  const unmapped: Frame = {
    function: 'n',
    filename: 'vendor.min.js',
    lineno: 1,
    colno: 90,
    in_app: true,
    why: { code: 'no_such_file', text: 'No file of that name was uploaded.', names: ['vendor.js', 'app.js'] },
  }
  render(<Frames frames={[unmapped, mapped]} platform="javascript" order="newest" fold opens />)
  expect(screen.getByText(/^Mapped from/).textContent).toBe(
    'Mapped from app.min.js:1:48213 with app.min.js.map',
  )
  expect(screen.queryByText('No file of that name was uploaded.')).toBeNull()
  await userEvent.click(screen.getByRole('button', { name: /vendor.min.js/ }))
  expect(screen.getByText('No file of that name was uploaded.')).toBeTruthy()
  const instead = within(screen.getByRole('list', { name: 'What there is instead' }))
  expect(instead.getAllByRole('listitem').map(item => item.textContent)).toEqual(['vendor.js', 'app.js'])
})

it('breadcrumbs end in the exception, the last twenty in sight and the rest in place', async () => {
  const breadcrumbs = Array.from({ length: 23 }, (_, index) => ({
    category: 'console',
    message: `step ${index}`,
    timestamp: `2026-11-23T14:59:${10 + index}Z`,
  }))
  render(<Breadcrumbs event={makeEvent({ normalized: { breadcrumbs } })} />)
  expect(screen.queryByText('step 0')).toBeNull()
  await userEvent.click(screen.getByRole('button', { name: /3 earlier/ }))
  const items = screen.getAllByRole('listitem')
  expect(items[0]?.textContent).toContain('step 0')
  expect(items[0]?.textContent).toContain('−50.0 s')
  expect(items.at(-1)?.textContent).toContain('TypeError: it broke')
})

it('breadcrumbs can be narrowed to a kind', async () => {
  const breadcrumbs = [
    { category: 'ui.click', message: 'button' },
    { category: 'fetch', data: { method: 'GET', url: '/api/x', status_code: 404 } },
  ]
  render(<Breadcrumbs event={makeEvent({ normalized: { breadcrumbs } })} />)
  await userEvent.click(screen.getByRole('button', { name: 'Network 1' }))
  expect(screen.queryByText('button')).toBeNull()
  expect(screen.getByText('GET /api/x')).toBeTruthy()
})

it('parts without data are absent', () => {
  const bare = makeEvent({})
  for (const part of [
    'stack',
    'message',
    'breadcrumbs',
    'request',
    'context',
    'tags',
    'extra',
    'modules',
    'notes',
    'grouping',
  ]) {
    expect(hasPart(part, bare), part).toBe(false)
  }
  expect(hasPart('json', bare)).toBe(true)
  expect(hasPart('stack', makeEvent({ stack: 'Error: x\n    at y' }))).toBe(true)
})

it('text from an event stays text', () => {
  const { container } = render(<Text>{'<img src=x onerror=alert(1)>\u202egnp'}</Text>)
  expect(container.querySelector('img')).toBeNull()
  expect(container.textContent).toContain('<img src=x onerror=alert(1)>')
  expect(container.textContent).toContain('RLO')
  expect(container.textContent).not.toContain('\u202e')
})

it('a link that the SDK gives is named, and followed only when it is a web address', () => {
  const show = (help_link: string) => {
    const { container } = render(<HelpLink address={help_link} />)
    return container
  }
  const good = show('https://docs.example.org/errors/1')
  expect(good.textContent).toBe('Help from the SDK: https://docs.example.org/errors/1')
  expect(good.querySelector('a')?.getAttribute('href')).toBe('https://docs.example.org/errors/1')
  const bad = show(`javascript:${'x'.repeat(5000)}`)
  expect(bad.querySelector('a')).toBeNull()
  expect(bad.textContent?.length).toBeLessThan(150)
})

it('pairs that were scrubbed as a whole say so instead of naming the mark', () => {
  const event = makeEvent({ normalized: { request: { method: 'GET', cookies: [['[Filtered]', '']] } } })
  render(<RequestPanel event={event} />)
  const cookies = within(screen.getByRole('table', { name: 'Cookies' }))
  expect(cookies.queryByRole('rowheader')).toBeNull()
  expect(cookies.getByText('removed by privacy rules')).toBeTruthy()
})
