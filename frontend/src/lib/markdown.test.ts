import { describe, expect, it } from 'vitest'
import { issueMarkdown, type MarkdownIssue, notice } from './markdown'

const issue: MarkdownIssue = {
  title: "TypeError: Cannot read properties of undefined (reading 'price')",
  shortId: 'WEB-1F3',
  link: 'https://errors.test/p/web/issues/WEB-1F3',
  level: 'error',
  handled: false,
  count: 1284,
  storedCount: 1191,
  firstSeen: '2026-11-21T14:58:00Z',
  lastSeen: '2026-11-23T15:04:51Z',
  firstRelease: '4.8.0',
  release: '4.8.1',
  environment: 'production',
  eventId: 'c9d1e07ac9d1e07ac9d1e07ac9d1e07a',
  timestamp: '2026-11-23T15:04:51Z',
  culprit: 'formatTotal',
  normalized: {
    exceptions: [
      { type: 'KeyError', value: 'price', relation: 'cause', frames: [] },
      {
        type: 'TypeError',
        value: "Cannot read properties of undefined (reading 'price')",
        frames: [
          ...Array.from({ length: 11 }, (_, n) => ({
            function: `f${n}`,
            filename: 'node_modules/react-dom/x.js',
            abs_path: 'node_modules/react-dom/x.js',
            in_app: false,
          })),
          {
            function: 'formatTotal',
            filename: 'src/cart.ts',
            lineno: 42,
            colno: 23,
            in_app: true,
            pre_context: ['a', 'b', 'c', 'd'],
            context_line: 'total += it.product.price',
            post_context: ['}'],
            vars: { 'it.qty': 2, password: 'hunter2', owner: 'mara@shop.test' },
          },
        ],
      },
    ],
    breadcrumbs: [
      ...Array.from({ length: 30 }, (_, n) => ({
        timestamp: '2026-11-23T15:04:00Z',
        category: 'old',
        message: `step ${n}`,
      })),
      { timestamp: '2026-11-23T15:04:50.6Z', category: 'ui.click', message: 'button#checkout' },
    ],
    request: {
      method: 'GET',
      url: 'https://shop.test/cart?session=abc123',
      headers: [['Authorization', 'Bearer abcdefghijklmnop']],
    },
  },
  commonTags: [
    { key: 'release', value: '4.8.1', share: 0.83 },
    { key: 'browser', value: 'Safari 19', share: 0.51 },
    { key: 'user', value: 'id:1', share: 1 },
  ],
}

describe('an issue as Markdown', () => {
  const text = issueMarkdown(issue)

  it('opens by saying that what follows is data', () => {
    expect(text.startsWith(notice)).toBe(true)
  })

  it('names the issue, its link and its facts', () => {
    expect(text).toContain('[WEB-1F3](https://errors.test/p/web/issues/WEB-1F3)')
    expect(text).toContain('release 4.8.1 · environment production · level error · unhandled')
    expect(text).toContain('1284 events (1191 stored)')
  })

  it('marks the failing line among its neighbours, with values', () => {
    expect(text).toContain('  >   42 total += it.product.price')
    expect(text).toContain('      41 d')
    expect(text).not.toContain('\n      38 a')
    expect(text).toContain('it.qty = 2')
  })

  it('folds library runs and reads the chain from the exception that was thrown', () => {
    expect(text).toContain('… 11 frames in react-dom')
    expect(text.indexOf('**TypeError**')).toBeLessThan(text.indexOf('caused by: **KeyError**'))
  })

  it('follows the order on screen', () => {
    const oldest = issueMarkdown(issue, { order: 'oldest' })
    expect(oldest.indexOf('**KeyError**')).toBeLessThan(oldest.indexOf('was the cause of: **TypeError**'))
  })

  it('keeps the last twenty breadcrumbs in time before the crash', () => {
    expect(text).toContain('−0.4 s ui.click: button#checkout')
    expect(text).toContain('step 29')
    expect(text).not.toContain('step 10\n')
  })

  it('leaves out cookies, tokens, passwords, mail addresses and the query', () => {
    expect(text).not.toMatch(/hunter2|mara@shop|abcdefghijklmnop|abc123/)
    expect(text).toContain('`GET https://shop.test/cart`')
  })

  it('lists tags that nearly all events share, but no user', () => {
    expect(text).toContain('- release: `4.8.1` (83 %)')
    expect(text).not.toContain('Safari')
    expect(text).not.toContain('id:1')
  })
})

it('cannot be broken out of by what an event says', () => {
  const text = issueMarkdown({
    ...issue,
    title: '# [x](javascript:alert(1)) <script>',
    normalized: {
      exceptions: [
        {
          type: 'E',
          value: '```\n# not a heading',
          frames: [{ function: '```', filename: 'a', in_app: true, context_line: '````' }],
        },
      ],
    },
  })
  expect(text).toContain('\\# \\[x\\](javascript:alert(1)) \\<script\\>')
  expect(text).not.toMatch(/^# not a heading/m)
  const fence = /^`{5,}$/m
  expect(text).toMatch(fence)
})

it('of a plain message shows the message', () => {
  const text = issueMarkdown({ ...issue, normalized: { message: { formatted: 'It broke' } } })
  expect(text).toContain('## Message\n\n```\nIt broke\n```')
})
